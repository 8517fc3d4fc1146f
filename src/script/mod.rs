//! Script files as modules: found by path, loaded once for each interpreter, loaded again when changed; and the
//! functions of those that are asked about a request.

mod access;
mod authenticate;
mod authorize;
mod dispatch;
mod function;
mod load;
mod reload;
mod table;

pub use access::{Access, allow_access};
pub use authenticate::{Password, RealmHash, check_password, get_realm_hash};
pub use authorize::groups_for_user;
pub use dispatch::{Destination, dispatch};
pub use function::Module;
pub use load::{ScriptError, Scripts};
pub use reload::reload_required;
