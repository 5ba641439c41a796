//! The PROXY protocol, versions 1 and 2: a line or a block before the first byte of the client, in which a proxy says
//! whose connection it is. Read only from a proxy that the settings name, and then it has to be there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1.
const LONGEST_LINE: usize = 107;
/// The longest block of version 2 that is read; real ones have less than 100 bytes.
const LONGEST_BLOCK: usize = 2048;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Announced {
    /// A client's.
    Client(IpAddr),
    /// The proxy's own, which looks whether somebody is there.
    Itself,
}

/// Whether these first bytes of a connection are the beginning of what a proxy would say. From anybody but a proxy of ours
/// they are a lie, and no client that means well sends them.
pub(in crate::http) fn looks_announced(first: &[u8]) -> bool {
    first.starts_with(b"PROXY ") || first.starts_with(SIGNATURE)
}

/// Reads what stands before the first byte of the client, and nothing more. `None` where it is not what it should be.
pub(in crate::http) async fn announced(connection: &mut (impl AsyncRead + Unpin)) -> Option<Announced> {
    let mut first = [0; 12];
    connection.read_exact(&mut first).await.ok()?;
    if first == *SIGNATURE {
        return block(connection).await;
    }
    let mut line = first.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE {
            return None;
        }
        line.push(connection.read_u8().await.ok()?);
    }
    of_line(std::str::from_utf8(&line).ok()?)
}

fn of_line(line: &str) -> Option<Announced> {
    let line = line.strip_suffix("\r\n")?.strip_prefix("PROXY ")?;
    let mut words = line.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Announced::Itself);
    }
    let [source, _target, from, to] = [words.next()?, words.next()?, words.next()?, words.next()?];
    let ports = from.parse::<u16>().is_ok() && to.parse::<u16>().is_ok();
    let address = match family {
        "TCP4" => IpAddr::V4(source.parse().ok()?),
        "TCP6" => IpAddr::V6(source.parse().ok()?),
        _ => return None,
    };
    (ports && words.next().is_none()).then_some(Announced::Client(address.to_canonical()))
}

async fn block(connection: &mut (impl AsyncRead + Unpin)) -> Option<Announced> {
    let [command, family, high, low] = connection.read_u32().await.ok()?.to_be_bytes();
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_BLOCK {
        return None;
    }
    let mut block = vec![0; length];
    connection.read_exact(&mut block).await.ok()?;
    match (command, family) {
        (0x20, _) => Some(Announced::Itself),
        (0x21, 0x11) => {
            let source: [u8; 4] = block.get(..4)?.try_into().ok()?;
            (block.len() >= 12).then_some(Announced::Client(Ipv4Addr::from(source).into()))
        }
        (0x21, 0x21) => {
            let source: [u8; 16] = block.get(..16)?.try_into().ok()?;
            let address = IpAddr::V6(Ipv6Addr::from(source)).to_canonical();
            (block.len() >= 36).then_some(Announced::Client(address))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> (Option<Announced>, usize) {
        let mut rest = bytes;
        let announced = announced(&mut rest).await;
        (announced, rest.len())
    }

    fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, block, b"hello"].concat()
    }

    #[tokio::test]
    async fn the_client_is_known_and_its_first_byte_is_left() {
        let client = Announced::Client([192, 0, 2, 7].into());
        assert_eq!(read(b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 8443\r\nhello").await, (Some(client), 5));
        assert_eq!(read(b"PROXY TCP6 ::ffff:192.0.2.7 ::1 51000 8443\r\nhello").await, (Some(client), 5));
        assert_eq!(read(b"PROXY UNKNOWN\r\nhello").await, (Some(Announced::Itself), 5));
        let v4 = [&[192, 0, 2, 7, 10, 0, 0, 1, 0, 1, 0, 2][..], b"more of it"].concat();
        assert_eq!(read(&version_2(0x21, 0x11, &v4)).await, (Some(client), 5));
        assert_eq!(read(&version_2(0x20, 0, &[])).await, (Some(Announced::Itself), 5));
        let mut v6 = [0; 36];
        v6[15] = 1;
        assert_eq!(read(&version_2(0x21, 0x21, &v6)).await.0, Some(Announced::Client(Ipv6Addr::LOCALHOST.into())));
    }

    #[test]
    fn who_speaks_like_a_proxy_is_known_by_the_first_bytes() {
        assert!(looks_announced(b"PROXY TCP4 "));
        assert!(looks_announced(&version_2(0x21, 0x11, &[])));
        for other in [&b""[..], b"PROXY", b"POST / HTTP", b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIT"] {
            assert!(!looks_announced(other), "{other:02x?}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_nobody() {
        let long = [b"PROXY TCP4 ".repeat(30), b"\r\n".to_vec()].concat();
        for wrong in [
            &b""[..],
            b"PROXY",
            b"GET / HTTP/1.1\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 51000\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 8443 1\r\n",
            b"PROXY TCP4 ::1 ::1 51000 8443\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 99999\r\n",
            &long,
            &version_2(0x21, 0x11, &[1; 8]),
            &version_2(0x22, 0x11, &[1; 12]),
            &version_2(0x21, 0x31, &[1; 216]),
            &version_2(0x21, 0x11, &[1; 4000]),
        ] {
            assert_eq!(read(wrong).await.0, None, "{wrong:02x?}");
        }
    }
}
