migration.up = function(migrator) {
	migrator.createTable({
		columns: { id: 'INTEGER PRIMARY KEY AUTOINCREMENT', title: 'TEXT', done: 'INTEGER' }
	});
	migrator.insertRow({ title: 'a first one', done: 1 });
};

migration.down = function(migrator) {
	migrator.dropTable();
};
