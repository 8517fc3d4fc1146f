//! Whom a script must belong to before a group runs it (`script-user=`, `script-group=`): otherwise whoever
//! can change the file could run code as the group's user.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::ScriptOwner;
use crate::gateway::Code;

const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// The codes of what can be wrong with a file.
struct Codes {
    owner: Code,
    group: Code,
    group_may_write: Code,
    others_may_write: Code,
}

const OF_SCRIPT: Codes = Codes {
    owner: Code::SCRIPT_USER_WRONG,
    group: Code::SCRIPT_GROUP_WRONG,
    group_may_write: Code::SCRIPT_GROUP_WRITABLE,
    others_may_write: Code::SCRIPT_WORLD_WRITABLE,
};

const OF_FOLDER: Codes = Codes {
    owner: Code::SCRIPT_FOLDER_USER_WRONG,
    group: Code::SCRIPT_FOLDER_GROUP_WRONG,
    group_may_write: Code::SCRIPT_FOLDER_GROUP_WRITABLE,
    others_may_write: Code::SCRIPT_FOLDER_WORLD_WRITABLE,
};

/// What is wrong with the owner of a script or of its folder, or with who may write there.
pub(super) fn check(script: &[u8], owner: ScriptOwner) -> Result<(), (Code, String)> {
    let path = Path::new(std::ffi::OsStr::from_bytes(script));
    check_one(path, "script", Code::SCRIPT_OWNER_UNKNOWN, &OF_SCRIPT, owner)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("/"));
    check_one(
        folder,
        "folder of the script",
        Code::SCRIPT_FOLDER_UNREACHABLE,
        &OF_FOLDER,
        owner,
    )
}

fn check_one(
    path: &Path,
    what: &str,
    unknown: Code,
    codes: &Codes,
    owner: ScriptOwner,
) -> Result<(), (Code, String)> {
    let metadata = path
        .metadata()
        .map_err(|error| (unknown, format!("{what} '{}': {error}", path.display())))?;
    match fault(&metadata, codes, owner) {
        None => Ok(()),
        Some((code, fault)) => Err((code, format!("{what} '{}' {fault}", path.display()))),
    }
}

fn fault(metadata: &Metadata, codes: &Codes, owner: ScriptOwner) -> Option<(Code, String)> {
    match owner {
        ScriptOwner::User(uid) if metadata.uid() != uid => Some((
            codes.owner,
            format!(
                "belongs to user {}, not to {uid} as script-user= asks",
                metadata.uid()
            ),
        )),
        ScriptOwner::Group(gid) if metadata.gid() != gid => Some((
            codes.group,
            format!(
                "belongs to group {}, not to {gid} as script-group= asks",
                metadata.gid()
            ),
        )),
        ScriptOwner::User(_) if metadata.mode() & GROUP_MAY_WRITE != 0 => {
            Some((codes.group_may_write, "can be written by its group".to_owned()))
        }
        _ if metadata.mode() & OTHERS_MAY_WRITE != 0 => {
            Some((codes.others_may_write, "can be written by everybody".to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    struct Site(PathBuf);

    impl Site {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("rwsgi-owner-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("a.wsgi"), "").expect("written");
            let site = Site(folder);
            site.set("", 0o755);
            site.set("a.wsgi", 0o644);
            site
        }

        fn set(&self, name: &str, mode: u32) {
            fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(mode)).expect("changed");
        }

        fn check(&self, owner: ScriptOwner) -> Option<Code> {
            let script = self.0.join("a.wsgi");
            check(script.as_os_str().as_bytes(), owner)
                .err()
                .map(|(code, _)| code)
        }

        fn user(&self) -> ScriptOwner {
            ScriptOwner::User(self.0.metadata().expect("there").uid())
        }

        fn group(&self) -> ScriptOwner {
            ScriptOwner::Group(self.0.metadata().expect("there").gid())
        }
    }

    impl Drop for Site {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_script_of_the_right_owner_passes() {
        let site = Site::new("right");
        assert_eq!(site.check(site.user()), None);
        assert_eq!(site.check(site.group()), None);
    }

    #[test]
    fn each_condition_has_its_own_code() {
        let site = Site::new("each");
        let (user, group) = (site.user(), site.group());
        assert_eq!(
            site.check(ScriptOwner::User(4_000_000)),
            Some(Code::SCRIPT_USER_WRONG)
        );
        assert_eq!(
            site.check(ScriptOwner::Group(4_000_000)),
            Some(Code::SCRIPT_GROUP_WRONG)
        );
        site.set("a.wsgi", 0o664);
        assert_eq!(site.check(user), Some(Code::SCRIPT_GROUP_WRITABLE));
        assert_eq!(site.check(group), None);
        site.set("a.wsgi", 0o646);
        assert_eq!(site.check(user), Some(Code::SCRIPT_WORLD_WRITABLE));
        assert_eq!(site.check(group), Some(Code::SCRIPT_WORLD_WRITABLE));
        site.set("a.wsgi", 0o644);
        site.set("", 0o775);
        assert_eq!(site.check(user), Some(Code::SCRIPT_FOLDER_GROUP_WRITABLE));
        assert_eq!(site.check(group), None);
        site.set("", 0o757);
        assert_eq!(site.check(group), Some(Code::SCRIPT_FOLDER_WORLD_WRITABLE));
        fs::remove_file(site.0.join("a.wsgi")).expect("removed");
        assert_eq!(site.check(user), Some(Code::SCRIPT_OWNER_UNKNOWN));
    }
}
