//! The ACS face, without a socket.
mod app;
mod batch;
mod hostile;
mod native;
mod objects;
mod paging;
mod requests;
mod rights;
mod sessions;
mod users;
