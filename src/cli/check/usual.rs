//! Where an httpd has its configuration, and the variables that it is read with: as apache2ctl and apachectl find them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compiled into an httpd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compiled {
    /// The ServerRoot where no line says another.
    pub(super) root: PathBuf,
    /// The configuration.
    pub(super) config: PathBuf,
}

impl Compiled {
    /// Asks `program`.
    ///
    /// # Errors
    /// When it cannot be asked, or does not tell.
    pub(super) fn of(program: &Path) -> Result<Compiled, String> {
        // It reads a configuration first: one without a line, so that nothing in it can be wrong.
        let asked = Command::new(program).args(["-V", "-f", "/dev/null"]).output();
        let output = asked.map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
        Compiled::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
            format!(
                "{} does not tell where its configuration is, as httpd -V does; name the program of httpd by --httpd",
                program.display()
            )
        })
    }

    /// Lines such as ` -D HTTPD_ROOT="/etc/apache2"`.
    fn parse(text: &str) -> Option<Compiled> {
        let value = |name: &str| {
            let prefix = format!("-D {name}=\"");
            text.lines()
                .find_map(|line| line.trim().strip_prefix(&prefix)?.strip_suffix('"'))
        };
        let root = PathBuf::from(value("HTTPD_ROOT")?);
        Some(Compiled {
            config: root.join(value("SERVER_CONFIG_FILE")?),
            root,
        })
    }
}

/// A configuration of Debian's kind: beside it lies a script of the shell that sets what the configuration uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variables {
    script: PathBuf,
    /// The folder of both.
    folder: PathBuf,
}

impl Variables {
    /// Those of `config`, if it has any.
    pub(super) fn of(config: &Path) -> Option<Variables> {
        let folder = config.parent()?.to_owned();
        let script = folder.join("envvars");
        script.is_file().then_some(Variables { script, folder })
    }

    /// The command that runs `program` with them, for whom further arguments can be added; `compiled` is that
    /// program's.
    pub(super) fn command(&self, program: &Path, compiled: &Compiled) -> Command {
        // One of several servers is told by the folder. Folders below /run are made at each start: here others stand
        // for those that are missing. What the script does last may well be wrong in the eyes of the shell.
        const RUN: &str = ". \"$0\"\n\
            [ -d \"${APACHE_RUN_DIR:-/}\" ] || export APACHE_RUN_DIR=/tmp\n\
            [ -d \"${APACHE_LOCK_DIR:-/}\" ] || export APACHE_LOCK_DIR=/tmp\n\
            exec \"$@\" $APACHE_ARGUMENTS";
        let mut shell = Command::new("/bin/sh");
        shell
            .env("APACHE_CONFDIR", &self.folder)
            .args(["-c", RUN])
            .arg(&self.script)
            .arg(program);
        if self.folder != compiled.root {
            shell.arg("-d").arg(&self.folder);
        }
        shell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_configuration_is_where_httpd_says() {
        let text = "Server version: Apache/2.4.62 (Debian)\n -D HTTPD_ROOT=\"/etc/apache2\"\n -D DEFAULT_ERRORLOG=\
                    \"logs/error_log\"\n -D SERVER_CONFIG_FILE=\"apache2.conf\"\n";
        let found = Compiled::parse(text).expect("told");
        assert_eq!(found.root, Path::new("/etc/apache2"));
        assert_eq!(found.config, Path::new("/etc/apache2/apache2.conf"));
        let own = text.replace("\"apache2.conf\"", "\"/srv/own.conf\"");
        assert_eq!(
            Compiled::parse(&own).expect("told").config,
            Path::new("/srv/own.conf")
        );
        assert_eq!(Compiled::parse("usage: true\n"), None);
    }

    #[test]
    fn variables_and_further_arguments_come_from_the_script_beside_the_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        assert_eq!(Variables::of(&path("apache2.conf")), None);
        let script = "export APACHE_LOG_DIR=/log/of-$(basename $APACHE_CONFDIR) APACHE_RUN_DIR=/gone\n\
                      export APACHE_LOCK_DIR=$APACHE_CONFDIR\nAPACHE_ARGUMENTS='-D ONE'\nfalse\n";
        fs::write(path("envvars"), script).expect("written");
        let found = Variables::of(&path("apache2.conf")).expect("a script");
        let name = folder
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let said = |root: &Path| {
            let compiled = Compiled {
                root: root.to_owned(),
                config: root.join("apache2.conf"),
            };
            let mut command = found.command(Path::new("/bin/sh"), &compiled);
            command.args([
                "-c",
                "echo $APACHE_LOG_DIR $APACHE_RUN_DIR $APACHE_LOCK_DIR \"$@\"",
                "sh",
                "-t",
            ]);
            String::from_utf8(command.output().expect("runs").stdout).expect("text")
        };
        let place = folder.path().display();
        let expected = format!("/log/of-{name} /tmp {place} -t -D ONE\n");
        assert_eq!(said(folder.path()), expected);
    }
}
