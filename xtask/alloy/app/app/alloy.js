// The server of this run, which models that sync name in their definition.
Alloy.Globals.server = Ti.App.Properties.getString('server', 'http://127.0.0.1:1');
