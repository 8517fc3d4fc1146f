//! Worker processes of real Pythons, with this process in the place of the supervisor and of httpd.
//!
//! `RWSGI_TEST_WORKER` names the folder that `tools/worker.sh` built them into; without it every test says
//! that it is skipped.

mod agreement;
mod client;
mod control;
mod ends;
mod requests;
mod rig;
