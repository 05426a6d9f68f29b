// Runs before everything else. Tokens and accounts belong here: `require('/alloy/sync/ti.sync').configure({…})`.
