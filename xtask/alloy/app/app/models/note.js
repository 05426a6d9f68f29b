// No id of its own, no migrations.
exports.definition = {
	config: {
		columns: { text: 'TEXT', weight: 'REAL' },
		adapter: { type: 'sql', collection_name: 'note' }
	}
};
