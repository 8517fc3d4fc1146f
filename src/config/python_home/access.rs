//! May a user get at a path? Walks it element by element, links included.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::{HomeProblem, Need, ServingUser};

/// As many links as the kernel follows.
const LINK_LIMIT: usize = 40;

/// How to find out about access.
pub(super) enum Access<'a> {
    /// From owners and mode bits.
    ByMode(&'a ServingUser),
    /// By trying it as the user that runs this process.
    Tried,
}

impl Access<'_> {
    /// A directory that the user may pass through.
    pub(super) fn directory(&self, path: &Path) -> Result<(), HomeProblem> {
        self.existing_directory(path)?;
        self.require(path, Need::Traverse)?;
        // What is in there can only be judged by who may look.
        match fs::metadata(path.join(".")) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Err(self.refused(path, Need::Traverse, &error))
            }
            _ => Ok(()),
        }
    }

    /// A directory that the user may list.
    pub(super) fn listing(&self, path: &Path) -> Result<(), HomeProblem> {
        self.existing_directory(path)?;
        self.require(path, Need::List)
    }

    /// A file that the user may read.
    pub(super) fn file(&self, path: &Path) -> Result<(), HomeProblem> {
        let found = self.walk(path)?;
        self.require(&found, Need::Read)
    }

    /// A file that the user may run; its path without links.
    pub(super) fn program(&self, path: &Path) -> Result<PathBuf, HomeProblem> {
        let found = self.walk(path)?;
        if !metadata(&found)?.is_file() {
            return Err(HomeProblem::NoProgram(path.to_owned()));
        }
        self.require(&found, Need::Run)?;
        Ok(found)
    }

    /// Anything that exists at the end of a path that the user may walk.
    pub(super) fn reachable(&self, path: &Path) -> Result<(), HomeProblem> {
        self.walk(path).map(drop)
    }

    fn existing_directory(&self, path: &Path) -> Result<(), HomeProblem> {
        let found = self.walk(path)?;
        if metadata(&found)?.is_dir() {
            Ok(())
        } else {
            Err(HomeProblem::NotADirectory(path.to_owned()))
        }
    }

    /// Goes along `path` and returns it without links; every directory on the way must let through.
    fn walk(&self, path: &Path) -> Result<PathBuf, HomeProblem> {
        let mut here = PathBuf::from("/");
        let mut ahead: VecDeque<OsString> = elements(path);
        // The last link met, and what it says.
        let mut link: Option<(PathBuf, PathBuf)> = None;
        let mut links = 0;
        while let Some(element) = ahead.pop_front() {
            self.passable(&here)?;
            if element == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&element);
            let found = match fs::symlink_metadata(&next) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(match link {
                        Some((link, target)) => HomeProblem::DanglingLink { link, target },
                        None => HomeProblem::Missing(next),
                    });
                }
                Err(error) => return Err(self.refused(&here, Need::Traverse, &error)),
            };
            if !found.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            let target = fs::read_link(&next).map_err(|error| self.refused(&next, Need::Read, &error))?;
            if links > LINK_LIMIT {
                return Err(HomeProblem::DanglingLink { link: next, target });
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for element in elements(&target).into_iter().rev() {
                ahead.push_front(element);
            }
            link = Some((next, target));
        }
        Ok(here)
    }

    fn passable(&self, directory: &Path) -> Result<(), HomeProblem> {
        if metadata(directory)?.is_dir() {
            self.require(directory, Need::Traverse)
        } else {
            Err(HomeProblem::NotADirectory(directory.to_owned()))
        }
    }

    fn require(&self, path: &Path, need: Need) -> Result<(), HomeProblem> {
        match self {
            Self::ByMode(user) if !user.may(&metadata(path)?, need) => Err(HomeProblem::NotAccessible {
                element: path.to_owned(),
                need,
                uid: Some(user.uid),
            }),
            Self::ByMode(_) => Ok(()),
            Self::Tried => {
                let outcome = match need {
                    // "." inside is found only by who may pass through.
                    Need::Traverse => fs::metadata(path.join(".")).map(drop),
                    Need::List => fs::read_dir(path).map(drop),
                    Need::Read | Need::Run => File::open(path).map(drop),
                };
                outcome.map_err(|error| self.refused(path, need, &error))
            }
        }
    }

    fn refused(&self, element: &Path, need: Need, error: &io::Error) -> HomeProblem {
        let element = element.to_owned();
        match error.kind() {
            ErrorKind::PermissionDenied if matches!(self, Self::ByMode(_)) => HomeProblem::Hidden(element),
            ErrorKind::PermissionDenied => HomeProblem::NotAccessible {
                element,
                need,
                uid: None,
            },
            ErrorKind::NotADirectory => HomeProblem::NotADirectory(element),
            _ => HomeProblem::Unreadable {
                element,
                reason: error.to_string(),
            },
        }
    }
}

impl ServingUser {
    /// Judges as the kernel does: the first class that fits decides, owner before group before others.
    fn may(&self, found: &Metadata, need: Need) -> bool {
        if self.uid == 0 {
            return true;
        }
        let class = if found.uid() == self.uid {
            found.mode() >> 6
        } else if self.gids.contains(&found.gid()) {
            found.mode() >> 3
        } else {
            found.mode()
        };
        let wanted = match need {
            Need::Traverse | Need::Run => 0o1,
            Need::List => 0o5,
            Need::Read => 0o4,
        };
        class & wanted == wanted
    }
}

fn metadata(path: &Path) -> Result<Metadata, HomeProblem> {
    fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => HomeProblem::NotAccessible {
            element: path.to_owned(),
            need: Need::Traverse,
            uid: None,
        },
        ErrorKind::NotFound => HomeProblem::Missing(path.to_owned()),
        _ => HomeProblem::Unreadable {
            element: path.to_owned(),
            reason: error.to_string(),
        },
    })
}

fn elements(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}
