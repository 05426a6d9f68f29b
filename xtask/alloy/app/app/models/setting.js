// A stock adapter beside the one that is tried.
exports.definition = {
	config: {
		adapter: { type: 'properties', collection_name: 'setting' }
	}
};
