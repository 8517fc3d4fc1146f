//! The same application and the same requests behind every way that it can be served.

mod cgi;
mod client;
mod fronts;
mod fuzz;
mod lives;
mod rig;
mod suite;
mod table;
