// An id of the app's own.
exports.definition = {
	config: {
		columns: { email: 'TEXT PRIMARY KEY', name: 'TEXT', age: 'INTEGER' },
		adapter: { type: 'sql', collection_name: 'people', db_name: 'others', idAttribute: 'email' }
	}
};
