migration.up = function(migrator) {
	migrator.db.execute('ALTER TABLE ' + migrator.table + ' ADD COLUMN rank INTEGER');
};

migration.down = function(migrator) {
	migrator.db.execute('CREATE TEMPORARY TABLE backup (id, title, done)');
	migrator.db.execute('INSERT INTO backup SELECT id, title, done FROM ' + migrator.table);
	migrator.dropTable();
	migrator.createTable({ columns: { id: 'INTEGER PRIMARY KEY AUTOINCREMENT', title: 'TEXT', done: 'INTEGER' } });
	migrator.db.execute('INSERT INTO ' + migrator.table + ' SELECT id, title, done FROM backup');
	migrator.db.execute('DROP TABLE backup');
};
