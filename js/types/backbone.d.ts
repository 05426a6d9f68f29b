// Backbone on a replica: `ti.sync/backbone`.

import { backbone } from '../index';

export = backbone;
