//! What an init system is told (sd_notify(3)).

use std::os::unix::net::UnixDatagram;

/// Tells it `state`, where there is one that wants to know.
pub(super) fn tell(state: &str) {
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        // One that cannot be told sees by its own clock that nothing came.
        let _ = send(socket.as_encoded_bytes(), state);
    }
}

fn send(socket: &[u8], state: &str) -> std::io::Result<()> {
    use std::ffi::OsStr;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;
    let address = match socket.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_names_are_reached() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).expect("bound");
        let name = format!("rwsgi-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let by_name = UnixDatagram::bind_addr(&address).expect("bound");
        send(path.as_os_str().as_encoded_bytes(), "READY=1").expect("sent");
        send(format!("@{name}").as_bytes(), "READY=1").expect("sent");
        for socket in [by_path, by_name] {
            let mut room = [0; 16];
            let count = socket.recv(&mut room).expect("arrives");
            assert_eq!(&room[..count], b"READY=1");
        }
    }
}
