// The stock adapter at its fullest: migrations, a number that the database counts up, columns, defaults.
exports.definition = {
	config: {
		columns: {
			id: 'INTEGER PRIMARY KEY AUTOINCREMENT',
			title: 'TEXT',
			done: 'INTEGER',
			rank: 'INTEGER'
		},
		defaults: { done: 0 },
		adapter: { type: 'sql', collection_name: 'todo', idAttribute: 'id' }
	},
	extendModel: function(Model) {
		_.extend(Model.prototype, {
			validate: function(attributes) {
				if (attributes.title === '') { return 'a todo needs a title'; }
			}
		});
		return Model;
	},
	extendCollection: function(Collection) {
		_.extend(Collection.prototype, {
			comparator: function(model) { return model.get('title'); }
		});
		return Collection;
	}
};
