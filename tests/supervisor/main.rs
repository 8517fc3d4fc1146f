//! `rwsgi supervisor` as httpd's parent sees it, with workers that serve nothing.

mod driver;
mod lives;
mod privileges;
mod rolling;
