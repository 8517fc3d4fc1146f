//! Script files as modules: found by path, loaded once for each interpreter, loaded again when changed.

mod load;

pub use load::{LoadError, Scripts, SourceStamp};
