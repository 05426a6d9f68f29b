// Where the to-dos are kept. An app has one backend and writes it into its models; this one can be told at its start, by
// three properties, so that the same app shows every connector and every policy.

function property(name, or) {
	return Ti.App.Properties.getString(name, or);
}

// The folders of a plain REST backend.
var PATHS = { list: 'lists', todo: 'notes' };

exports.connector = function (collection) {
	var url = property('server', Alloy.CFG.server);
	switch (property('connector', 'native')) {
	case 'rest':
		return {
			type: 'rest', url: url, path: PATHS[collection], auth: 'none', page_items: 1000,
			paging: { by: 'page', page: '_page', limit: '_limit' }, total: { header: 'X-Total-Count' }
		};
	case 'acs':
		return { type: 'acs', url: url, key: 'APPKEY', 'class': collection, credentials: signIn };
	default:
		return { type: 'native', url: url };
	}
};

exports.policy = function () {
	var name = property('policy', 'merge');
	return name === 'function' ? both : name;
};

// A rule of the app's own: whoever wrote what, both titles stand.
function both(conflict) {
	if (!conflict.ours || !conflict.theirs) { return conflict.ours || conflict.theirs; }
	var outcome = _.extend({}, conflict.ours, conflict.theirs);
	outcome.title = [conflict.ours.title, conflict.theirs.title].sort().join(' / ');
	return outcome;
}

// The token of an ACS backend is the id of a session.
function signIn() {
	return new Promise(function (resolve, reject) {
		var client = Ti.Network.createHTTPClient({
			timeout: 7000,
			onload: function () { resolve(JSON.parse(this.responseText).meta.session_id); },
			onerror: function (event) { reject(new Error('cannot sign in: ' + event.error)); }
		});
		client.open('POST', property('server') + '/v1/users/login.json?key=APPKEY');
		client.send({ login: property('user'), password: property('password') });
	});
}
