//! The `rwsgi` command as people use it: real servers, on the loopback, that leave nothing behind.

mod check;
mod django;
mod files;
mod folder;
mod keep;
mod mistakes;
mod module_config;
mod own_python;
mod projects;
mod reload;
mod running;
mod starting;

use running::serve;
