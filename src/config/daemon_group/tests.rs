//! Each option.
