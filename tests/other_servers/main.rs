//! The same application and the same requests behind every way that it can be served.

mod cgi;
mod client;
mod farm;
mod fronts;
mod fuzz;
mod leaving;
mod lives;
mod load;
mod machines;
mod network;
mod rig;
mod suite;
mod table;
