//! The protocols of Windows device management, as values.
//!
//! Bytes or values go in, values or bytes come out. Nothing here opens a socket, reads a clock, draws a random
//! number or knows a database: time, nonces and limits are arguments. What the device sent is hostile until
//! [`session`] has authenticated it.
//!
//! | module | what | specification |
//! |---|---|---|
//! | [`xml`] | reader with limits and refusals, text decoding | XML 1.0, OMA SyncML RepPro |
//! | [`syncml`] | the message: model, reader, writer, WBXML, redaction | MS-MDM 2.2 |
//! | [`soap`] | the envelope of enrollment, credentials, faults | MS-MDE2 2.2, WS-Security 1.0 |
//! | [`enrollment`] | discovery, policies, token requests, provisioning documents, both sides | MS-MDE2, MS-XCEP, MS-WSTEP |
//! | [`csp`] | `LocURI`, scopes, formats, what an author may ask | MS-MDM 2.2.3, OMA DM TND |
//! | [`push`] | the request to WNS that wakes a device, and what its answers mean | WNS, DMClient CSP |
//! | [`session`] | the management session: authenticate, receive, correlate, package, respond | MS-MDM 3, OMA DM Protocol 8 |

pub mod csp;
pub mod enrollment;
pub mod push;
pub mod session;
pub mod soap;
pub mod syncml;
pub mod xml;
