//! The one table of directives: what httpd is told, what the manual says and what a line does.

mod apply;
pub mod call;
mod daemon;
pub mod docs;
pub mod error;
mod interpreter;
mod proxies;
mod script_alias;
mod scripts;
mod server;
pub mod table;

use std::ffi::CStr;

pub use error::{ConfigError, Problem};
pub use table::DIRECTIVES;

use super::alias::UriPattern;
use super::place::Place;
use super::settings::{DirSettings, ServerSettings};
use crate::gateway::{Code, Level};

/// Where a directive may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The main server only.
    Global,
    /// The main server, and `<WSGIInterpreterOptions>` in it.
    GlobalOrInterpreter,
    /// The main server and virtual hosts.
    Server,
    /// Those, and sections such as `<Directory>`, `<Location>`, `<Files>` and `<If>`.
    Directory,
    /// All of those, and `.htaccess` under `AllowOverride FileInfo`.
    FileInfo,
    /// The same under `AllowOverride AuthConfig`.
    AuthConfig,
}

impl Context {
    /// The places in words, for the manual and for messages.
    #[must_use]
    pub fn places(self) -> &'static str {
        match self {
            Self::Global => "server config",
            Self::GlobalOrInterpreter => "server config, `<WSGIInterpreterOptions>`",
            Self::Server => "server config, virtual host",
            Self::Directory => "server config, virtual host, directory",
            Self::FileInfo => "server config, virtual host, directory, .htaccess (FileInfo)",
            Self::AuthConfig => "server config, virtual host, directory, .htaccess (AuthConfig)",
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

impl Directive {
    /// Whether it begins a section, whose lines belong to it.
    #[must_use]
    pub fn is_section(&self) -> bool {
        self.name.to_bytes().starts_with(b"<")
    }
}

/// Compiles a regular expression, or repeats what the engine says against it.
pub type Compile<'a> = dyn Fn(&str) -> Result<Box<dyn UriPattern>, String> + 'a;

/// What one line of configuration may change.
pub struct Scope<'a> {
    /// Settings of the server or virtual host; `None` inside sections of it and in `.htaccess`.
    pub server: Option<&'a mut ServerSettings>,
    /// Settings of the section, or the defaults of the server outside of any.
    pub dir: &'a mut DirSettings,
    /// Where the line stands.
    pub place: Option<Place>,
    /// httpd's regular expressions.
    pub compile: &'a Compile<'a>,
    /// What the administrator should hear although the line was accepted.
    pub notices: Vec<Notice>,
    /// Set where the line names a script that runs in httpd's own processes.
    pub needs_python: bool,
}

/// Something to tell about a line that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// Number of the line.
    pub code: Code,
    /// Directive and text, on one line.
    pub text: String,
}

#[cfg(test)]
mod tests;
