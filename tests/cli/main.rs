//! The `rwsgi` command as people use it: real servers, on the loopback, that leave nothing behind.

mod check;
mod files;
mod folder;
mod keep;
mod mistakes;
mod projects;
mod reload;
mod running;
mod starting;
mod stopping;

use running::serve;
