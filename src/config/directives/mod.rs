//! The one table of directives: what httpd is told, what the manual says and what a line does.

mod apply;
pub mod call;
pub mod docs;
pub mod error;
mod script_alias;
pub mod table;

use std::ffi::CStr;

pub use error::{ConfigError, Problem};
pub use table::DIRECTIVES;

use super::alias::UriPattern;
use super::settings::{DirSettings, ServerSettings};

/// Where a directive may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The main server only.
    Global,
    /// The main server and virtual hosts.
    Server,
    /// Those, and sections such as `<Directory>`, `<Location>`, `<Files>` and `<If>`.
    Directory,
    /// All of those, and `.htaccess` under `AllowOverride FileInfo`.
    FileInfo,
}

impl Context {
    /// The places in words, for the manual and for messages.
    #[must_use]
    pub fn places(self) -> &'static str {
        match self {
            Self::Global => "server config",
            Self::Server => "server config, virtual host",
            Self::Directory => "server config, virtual host, directory",
            Self::FileInfo => "server config, virtual host, directory, .htaccess",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    /// Name, as in a configuration file.
    pub name: &'static CStr,
    /// Where it may stand.
    pub context: Context,
    /// Its arguments on one line: shown with errors, by `httpd -L` and in the manual.
    pub usage: &'static CStr,
    /// What holds without it, as the manual says it; empty if nothing does.
    pub default: &'static str,
    /// What it does, in a few sentences of Markdown.
    pub help: &'static str,
    /// Carries out one line: the argument text as httpd hands it over, quotes included.
    pub apply: fn(&mut Scope<'_>, &str) -> Result<(), ConfigError>,
}

/// Compiles a regular expression, or repeats what the engine says against it.
pub type Compile<'a> = dyn Fn(&str) -> Result<Box<dyn UriPattern>, String> + 'a;

/// What one line of configuration may change.
pub struct Scope<'a> {
    /// Settings of the server or virtual host; `None` inside sections of it and in `.htaccess`.
    pub server: Option<&'a mut ServerSettings>,
    /// Settings of the section, or the defaults of the server outside of any.
    pub dir: &'a mut DirSettings,
    /// httpd's regular expressions.
    pub compile: &'a Compile<'a>,
    /// What the administrator should hear although the line was accepted, one line each.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests;
