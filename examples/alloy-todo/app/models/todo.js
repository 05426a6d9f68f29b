var backend = require('/backend');

exports.definition = {
	config: {
		columns: { id: 'TEXT PRIMARY KEY', title: 'TEXT', done: 'INTEGER', list: 'TEXT' },
		defaults: { done: 0 },
		adapter: { type: 'ti.sync', collection_name: 'todo', db_name: 'todos', idAttribute: 'id' },
		connector: backend.connector('todo'),
		policy: backend.policy(),
		// When the server makes the id of a list, its to-dos follow.
		references: { list: 'list' },
		live: true
	},
	extendCollection: function (Collection) {
		_.extend(Collection.prototype, {
			comparator: function (todo) { return todo.get('title'); }
		});
		return Collection;
	}
};
