//! Files that a passphrase opens: what is written through it can be read again only with the passphrase, and a file that
//! was changed, cut short or put together from parts of others is refused.
//!
//! AES-256-GCM in chunks of 64 KiB, with a key that Argon2id makes of the passphrase and a salt. The nonce of a chunk is
//! a random beginning, its number, and whether it is the last (the STREAM construction); each chunk vouches for the head
//! of the file as well.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use crate::model::Secret;

/// How such a file begins.
const MAGIC: &[u8; 16] = b"transom sealed 1";

const SALT: usize = 16;
const PREFIX: usize = 7;
const TAG: usize = 16;
/// Magic, cost (memory in KiB, passes, lanes), salt, beginning of the nonces.
const HEAD: usize = MAGIC.len() + 12 + SALT + PREFIX;
const CHUNK: usize = 64 * 1024;

/// What a passphrase costs who guesses it: 64 MiB and three passes.
const COST: [u32; 3] = [64 * 1024, 3, 1];

/// More than that a file can't ask of who opens it.
const MOST: [u32; 3] = [1024 * 1024, 16, 16];

/// Why a file can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum Sealed {
    /// It begins as none does.
    #[error("this was not sealed with a passphrase")]
    NotSealed,
    /// Another passphrase, or the first chunk was changed.
    #[error("the passphrase does not open it, or it was changed")]
    Wrong,
    /// A later chunk.
    #[error("it was changed or cut short")]
    Broken,
}

/// Whether a file that begins like this wants a passphrase.
pub fn is_sealed(beginning: &[u8]) -> bool {
    beginning.starts_with(MAGIC)
}

/// How many bytes [`is_sealed`] has to see.
pub const BEGINNING: usize = MAGIC.len();

/// Key and nonces of one file.
struct Chunks {
    key: Zeroizing<[u8; 32]>,
    head: [u8; HEAD],
    number: u32,
}

/// Writes a file; nothing of it counts until [`finish`](Self::finish).
pub struct SealingWriter<W> {
    into: W,
    chunks: Chunks,
    held: Zeroizing<Vec<u8>>,
}

/// Reads a file.
pub struct OpeningReader<R> {
    from: R,
    chunks: Chunks,
    /// The chunk that is to be opened next, still sealed.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    taken: usize,
    is_over: bool,
}

impl Chunks {
    fn new(passphrase: &Secret<String>, head: [u8; HEAD]) -> io::Result<Self> {
        let field =
            |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        let cost = [0, 4, 8].map(|at| field(MAGIC.len() + at));
        if cost.iter().zip(MOST).any(|(cost, most)| *cost > most) {
            return Err(refused(Sealed::Broken));
        }
        let salt = head.get(MAGIC.len() + 12..HEAD - PREFIX).unwrap_or_default();
        let [memory, passes, lanes] = cost;
        let params = Params::new(memory, passes, lanes, Some(32)).map_err(|_| refused(Sealed::Broken))?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), salt, key.as_mut_slice())
            .map_err(|_| refused(Sealed::Broken))?;
        Ok(Self { key, head, number: 0 })
    }

    fn nonce(&self, is_last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        let prefix = self.head.iter().skip(HEAD - PREFIX).copied();
        let rest = self.number.to_be_bytes().into_iter().chain([u8::from(is_last)]);
        nonce.iter_mut().zip(prefix.chain(rest)).for_each(|(to, from)| *to = from);
        nonce
    }

    fn next(&mut self) -> io::Result<()> {
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("the file is too large"))?;
        Ok(())
    }

    fn seal(&mut self, plain: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        let mut tag = [0; TAG];
        let nonce = self.nonce(is_last);
        let mut sealed =
            encrypt_aead(Cipher::aes_256_gcm(), self.key.as_slice(), Some(&nonce), &self.head, plain, &mut tag)?;
        sealed.extend_from_slice(&tag);
        self.next()?;
        Ok(sealed)
    }

    fn open(&mut self, sealed: &[u8], is_last: bool) -> io::Result<Zeroizing<Vec<u8>>> {
        let fault = || refused(if self.number == 0 { Sealed::Wrong } else { Sealed::Broken });
        let (text, tag) = sealed.len().checked_sub(TAG).and_then(|at| sealed.split_at_checked(at)).ok_or_else(fault)?;
        let nonce = self.nonce(is_last);
        let plain = decrypt_aead(Cipher::aes_256_gcm(), self.key.as_slice(), Some(&nonce), &self.head, text, tag)
            .map_err(|_| fault())?;
        self.next()?;
        Ok(Zeroizing::new(plain))
    }
}

impl<W: Write> SealingWriter<W> {
    /// Begins a file. Takes as long as a passphrase costs.
    pub fn new(mut into: W, passphrase: &Secret<String>) -> io::Result<Self> {
        let mut drawn = [0; SALT + PREFIX];
        openssl::rand::rand_bytes(&mut drawn)?;
        let mut head = [0; HEAD];
        let bytes = MAGIC.iter().copied().chain(COST.iter().flat_map(|cost| cost.to_be_bytes())).chain(drawn);
        head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        into.write_all(&head)?;
        Ok(Self { into, chunks: Chunks::new(passphrase, head)?, held: Zeroizing::new(Vec::with_capacity(2 * CHUNK)) })
    }

    /// Writes what is left and the mark of the end.
    pub fn finish(mut self) -> io::Result<W> {
        let last = self.chunks.seal(&self.held, true)?;
        self.into.write_all(&last)?;
        self.into.flush()?;
        Ok(self.into)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A whole chunk is held back until more comes: it may be the last.
        if self.held.len() == CHUNK {
            let sealed = self.chunks.seal(&self.held, false)?;
            self.into.write_all(&sealed)?;
            self.held.clear();
        }
        let taken = bytes.get(..bytes.len().min(CHUNK - self.held.len())).unwrap_or_default();
        self.held.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

impl<R: Read> OpeningReader<R> {
    /// Begins to read. Takes as long as a passphrase costs.
    pub fn new(mut from: R, passphrase: &Secret<String>) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head).map_err(|_| refused(Sealed::NotSealed))?;
        if !is_sealed(&head) {
            return Err(refused(Sealed::NotSealed));
        }
        let chunks = Chunks::new(passphrase, head)?;
        let ahead = next_chunk(&mut from)?;
        Ok(Self { from, chunks, ahead, plain: Zeroizing::default(), taken: 0, is_over: false })
    }
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.plain.len() && !self.is_over {
            let following = if self.ahead.len() == CHUNK + TAG { next_chunk(&mut self.from)? } else { Vec::new() };
            self.is_over = following.is_empty();
            self.plain = self.chunks.open(&self.ahead, self.is_over)?;
            (self.ahead, self.taken) = (following, 0);
        }
        let left = self.plain.get(self.taken..).unwrap_or_default();
        let count = left.len().min(into.len());
        into.iter_mut().zip(left).for_each(|(to, from)| *to = *from);
        self.taken += count;
        Ok(count)
    }
}

/// A whole sealed chunk, or less at the end.
fn next_chunk(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK + TAG);
    from.take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

fn refused(why: Sealed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut writer = SealingWriter::new(Vec::new(), &Secret::new("correct horse".to_owned())).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn opened(file: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        OpeningReader::new(file, &Secret::new(passphrase.to_owned()))?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn what_was_sealed_opens_with_the_passphrase_alone() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let content: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let file = sealed(&content);
            assert!(is_sealed(&file));
            assert_eq!(opened(&file, "correct horse").unwrap(), content, "{length} bytes");
        }
        let refusal = opened(&sealed(b"x"), "wrong horse").unwrap_err();
        assert_eq!(refusal.to_string(), Sealed::Wrong.to_string());
        assert_eq!(opened(b"something else", "x").unwrap_err().to_string(), Sealed::NotSealed.to_string());
    }

    #[test]
    fn what_was_changed_cut_or_put_together_anew_is_refused() {
        let whole = sealed(&vec![7; 2 * CHUNK + 100]);
        let chunk = CHUNK + TAG;
        let refused = |file: &[u8]| opened(file, "correct horse").is_err();
        for at in [MAGIC.len() + 13, HEAD - 1, HEAD, HEAD + chunk, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(refused(&changed), "byte {at}");
        }
        for length in [HEAD, HEAD + chunk, HEAD + 2 * chunk, whole.len() - 1] {
            assert!(refused(&whole[..length]), "first {length} bytes");
        }
        let (head, chunks) = whole.split_at(HEAD);
        let swapped = [head, &chunks[chunk..2 * chunk], &chunks[..chunk], &chunks[2 * chunk..]].concat();
        assert!(refused(&swapped));
        assert!(refused(&[&whole[..], b"more"].concat()));
    }

    #[test]
    fn a_file_can_not_ask_for_more_than_a_machine_has() {
        let mut file = sealed(b"x");
        file[MAGIC.len()] = 0xff;
        assert_eq!(opened(&file, "correct horse").unwrap_err().to_string(), Sealed::Broken.to_string());
    }
}
