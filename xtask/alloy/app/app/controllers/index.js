$.win.open();
