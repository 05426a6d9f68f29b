var sync = require('/alloy/sync/ti.sync');
var lists = Alloy.Collections.list;
var todos = Alloy.Collections.todo;

// What to say of a to-do beside its title, by its id: that it waits to be sent, or that someone has to settle it.
var marks = {};

// What a row of the bound list shows.
function shown(todo) {
	var list = lists.get(todo.get('list'));
	return {
		id: todo.id,
		title: (todo.get('done') ? '☑ ' : '☐ ') + todo.get('title') + (marks[todo.id] || ''),
		subtitle: list ? list.get('title') : ''
	};
}

// The list that new to-dos go into: the first one, or a new one.
function inbox() {
	return lists.at(0) || lists.create({ title: 'Home' });
}

function add() {
	todos.create({ title: $.title.value, list: inbox().id });
	$.title.value = '';
}

function toggle(event) {
	var todo = todos.get(event.itemId);
	todo.save({ done: todo.get('done') ? 0 : 1 });
}

function remove(event) {
	todos.get(event.itemId).destroy();
}

function refresh() {
	sync.syncNow().then(null, function (error) { Ti.API.warn(error.message); });
}

function showConflicts() {
	Alloy.createController('conflicts').getView().open();
}

// Says in one line what waits and what has come, and draws the list anew where the marks have changed: to-dos tell of
// their own changes themselves.
function tell() {
	var pending = todos.pending();
	var open = todos.conflicts();
	var before = JSON.stringify(marks);
	marks = {};
	pending.forEach(function (entry) { marks[entry.record] = ' ↑'; });
	open.forEach(function (conflict) { marks[conflict.id] = ' ⚠'; });
	if (JSON.stringify(marks) !== before) { draw(); }
	var parts = [Ti.Network.online ? 'online' : 'offline'];
	if (pending.length) { parts.push(pending.length + ' to send'); }
	if (open.length) { parts.push(open.length + ' to settle'); }
	if (received) { parts.push(received + (total > received ? ' of ' + total : '') + ' received'); }
	$.state.text = parts.join(', ');
}

function draw() {
	todos.trigger('fetch');
}

// A large first sync comes in parts, each told as it is stored. How many rows there are, not every backend says.
var received = 0;
var total = 0;
sync.on('progress', function (event) {
	if (event.collection !== 'todo') { return; }
	received = event.stored;
	total = event.total || 0;
	tell();
});
sync.on('change', tell);
sync.on('health', tell);
sync.on('conflict', tell);
Ti.Network.addEventListener('change', tell);
lists.on('add change remove', draw);

lists.fetch();
todos.fetch();
tell();
$.win.open();
