//! Which Python the processes of a daemon group are to have: looked up by httpd's parent, and again by the supervisor
//! before each start, as a mistake may be made or mended meanwhile.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{HomeProblem, PythonBuild, ServingUser, check_program, program_of_home};

/// The Python of the system.
pub const SYSTEM_PROGRAM: &str = "/usr/bin/python3";

/// What the configuration says of a group's Python, and who is to run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonChoice {
    /// `python=`.
    pub program: Option<PathBuf>,
    /// `python-home=`, else `WSGIPythonHome`.
    pub home: Option<PathBuf>,
    /// The executable where neither is set.
    pub usual_program: PathBuf,
    /// The version that is looked for where a home tells none.
    pub usual: PythonBuild,
    /// Whom the processes run as.
    pub user: ServingUser,
}

impl PythonChoice {
    /// The executable. `runs_none` says whether a file is where no program can be run (mounted noexec).
    ///
    /// # Errors
    /// The first thing in the way.
    pub fn find(&self, runs_none: impl Fn(&Path) -> bool) -> Result<PathBuf, HomeProblem> {
        let program = match (&self.program, &self.home) {
            (None, Some(home)) => program_of_home(home, self.usual, &self.user)?,
            _ => {
                let likely = self.likely();
                check_program(&likely, &self.user)?;
                likely
            }
        };
        if runs_none(&program) {
            return Err(HomeProblem::MountedNoexec(program));
        }
        Ok(program)
    }

    /// The executable that is meant, looked at or not.
    pub fn likely(&self) -> PathBuf {
        match (&self.program, &self.home) {
            (Some(program), _) => program.clone(),
            (None, Some(home)) => home.join("bin/python"),
            (None, None) => self.usual_program.clone(),
        }
    }
}
