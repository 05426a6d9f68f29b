import tisync from './index.js';

export const { open, backbone, Replica, TiSyncError } = tisync;
export default tisync;
