import tisync from './index.js';

export const { open, Replica, TiSyncError } = tisync;
export default tisync;
