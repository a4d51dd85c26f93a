//! Waits until something in the sandbox listens on a port, as the kernel's own tables tell.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Sandbox;
use crate::error::{Error, Result};
use crate::session::Session;

const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const LISTEN: &str = "0A";

/// How far apart the tables are looked at: at first, and at most.
const PAUSE: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];

impl Sandbox {
    pub async fn wait_for_port(&self, port: u16, timeout: Duration, cancel: CancellationToken) -> Result<()> {
        self.usable()?;
        let look = self.watched(async { self.until_listening(port).await });
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Aborted),
            outcome = look => outcome,
            () = tokio::time::sleep(timeout) => {
                Err(Error::PortClosed { id: self.id().to_owned(), port, after: timeout })
            }
        }
    }

    async fn until_listening(&self, port: u16) -> Result<()> {
        let [mut pause, longest] = PAUSE;
        loop {
            let session = self.0.sessions.get(None).await?;
            for table in TABLES {
                if listens(&session, table, port).await? {
                    return Ok(());
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

async fn listens(session: &Session, table: &str, port: u16) -> Result<bool> {
    match session.read_file(table).await {
        Ok(table) => Ok(has_listener(&String::from_utf8_lossy(&table), port)),
        // A kernel without IPv6 has no such table.
        Err(Error::System { code: "ENOENT", .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `number: address:port remote:port state …`, in hexadecimal.
fn has_listener(table: &str, port: u16) -> bool {
    let port = format!("{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.rsplit_once(':'));
        local.is_some_and(|(_, bound)| bound == port) && fields.nth(1) == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_told_from_a_connection() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
            \x20  0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n\
            \x20  1: 0100007F:0050 0100007F:C001 01 00000000:00000000\n\
            \x20  2: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0\n";
        assert!(has_listener(table, 8080));
        assert!(has_listener(table, 443));
        assert!(!has_listener(table, 80), "that is a connection");
        assert!(!has_listener(table, 0xC001));
    }
}
