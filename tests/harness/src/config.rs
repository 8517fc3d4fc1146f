//! The generated httpd.conf.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::Mpm;
use crate::httpd::{self, Httpd};
use crate::process;

/// Modules every server has; the rest is asked for with [`crate::Builder::module`].
const BASE_MODULES: [&str; 7] = ["unixd", "log_config", "authz_core", "mime", "dir", "alias", "env"];

/// What a configuration is made of.
pub(crate) struct Parts<'a> {
    pub(crate) root: &'a Path,
    pub(crate) mpm: Mpm,
    pub(crate) mpm_limits: Option<&'a str>,
    pub(crate) modules: &'a [String],
    pub(crate) loads: &'a [(String, PathBuf)],
    pub(crate) ports: &'a [(String, u16)],
    pub(crate) access_log: bool,
    pub(crate) extra: &'a str,
}

impl Parts<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.names(&mut text);
        self.load_modules(&mut text);
        self.identity(&mut text);
        self.limits(&mut text);
        self.logs(&mut text);
        text.push_str(self.extra);
        text.push('\n');
        text
    }

    fn names(&self, text: &mut String) {
        let root = self.root.display();
        let _ = writeln!(
            text,
            "Define ROOT {root}\nDefine APPS {root}/apps\nDefine HTDOCS {root}/htdocs"
        );
        for (name, port) in self.ports {
            let suffix = if name.is_empty() {
                String::new()
            } else {
                format!("_{name}")
            };
            let _ = writeln!(text, "Define PORT{suffix} {port}\nListen 127.0.0.1:{port}");
        }
        let _ = writeln!(
            text,
            "ServerRoot {root}\nServerName localhost:{}",
            self.ports[0].1
        );
        text.push_str(
            "DefaultRuntimeDir run\nPidFile run/httpd.pid\nCoreDumpDirectory cores\nDocumentRoot ${HTDOCS}\n",
        );
    }

    fn load_modules(&self, text: &mut String) {
        let httpd = Httpd::installed();
        let mpm = format!("mpm_{}", self.mpm.name());
        let names = [mpm.as_str()]
            .into_iter()
            .chain(BASE_MODULES)
            .chain(self.modules.iter().map(String::as_str));
        for name in names {
            if !httpd.has_built_in(name) {
                let _ = writeln!(
                    text,
                    "LoadModule {name}_module {}",
                    httpd.module_file(name).display()
                );
            }
        }
        for (symbol, file) in self.loads {
            let _ = writeln!(text, "LoadModule {symbol} {}", file.display());
            if symbol == "wsgi_module"
                && let Some(command) = httpd::command_above(file)
            {
                let _ = writeln!(text, "RWSGICommand {}", command.display());
            }
        }
    }

    fn identity(&self, text: &mut String) {
        if let Some(account) = process::serving_account() {
            let _ = writeln!(text, "User {}\nGroup {}", account.name, account.group);
        }
    }

    fn limits(&self, text: &mut String) {
        let limits = self.mpm_limits.unwrap_or(match self.mpm {
            Mpm::Event | Mpm::Worker => {
                "StartServers 1\nServerLimit 4\nThreadsPerChild 8\nMinSpareThreads 1\nMaxSpareThreads 32\nMaxRequestWorkers 32"
            }
            Mpm::Prefork => "StartServers 2\nMinSpareServers 1\nMaxSpareServers 8\nMaxRequestWorkers 8",
        });
        // Without it the kernel hides a connection from httpd until the first byte.
        text.push_str("AcceptFilter http none\nAcceptFilter https none\n");
        let _ = writeln!(
            text,
            "{limits}\nTimeout 10\nKeepAlive On\nKeepAliveTimeout 5\nMaxKeepAliveRequests 0"
        );
    }

    fn logs(&self, text: &mut String) {
        text.push_str("TypesConfig conf/mime.types\nErrorLog logs/error.log\nLogLevel info\n");
        if self.access_log {
            text.push_str("CustomLog logs/access.log \"%h %u \\\"%r\\\" %>s %B %X\"\n");
        }
        text.push_str("<Directory />\n  AllowOverride None\n  Require all granted\n</Directory>\n");
    }
}
