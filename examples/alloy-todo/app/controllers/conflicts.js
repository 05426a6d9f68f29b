var sync = require('/alloy/sync/ti.sync');
var chosen = null;

function side(document) {
	return document ? document.title : 'deleted';
}

function draw() {
	$.open.items = sync.conflicts().map(function (conflict) {
		return {
			properties: {
				itemId: conflict.id,
				title: 'Mine: ' + side(conflict.ours),
				subtitle: 'Theirs: ' + side(conflict.theirs)
			}
		};
	});
}

function ask(event) {
	chosen = event.itemId;
	$.choice.show();
}

function settle(event) {
	if (event.index === 0 || event.index === 1) {
		Alloy.Collections.todo.get(chosen).resolve(event.index === 0 ? 'ours' : 'theirs');
	}
	draw();
}

var off = sync.on('conflict', draw);
$.win.addEventListener('close', off);
draw();
