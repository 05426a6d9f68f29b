var backend = require('/backend');

exports.definition = {
	config: {
		columns: { id: 'TEXT PRIMARY KEY', title: 'TEXT' },
		adapter: { type: 'ti.sync', collection_name: 'list', db_name: 'todos', idAttribute: 'id' },
		connector: backend.connector('list'),
		policy: 'merge',
		live: true
	}
};
