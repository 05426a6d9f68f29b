// Kept in sync with a server where the adapter can do so; the stock one does not look at these keys.
exports.definition = {
	config: {
		columns: { id: 'TEXT PRIMARY KEY', text: 'TEXT', stars: 'INTEGER' },
		adapter: { type: 'sql', collection_name: 'shared', db_name: 'shared', idAttribute: 'id' },
		connector: { type: 'native', url: Alloy.Globals.server },
		policy: 'merge',
		live: true
	}
};
