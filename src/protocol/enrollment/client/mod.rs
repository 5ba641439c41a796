//! The device's side of enrollment: write what is asked, read what is answered.
//!
//! For simulators and tests. The readers are as strict as Windows is known to be where that matters (`s:Fault` and its
//! parts are found by exact name), and otherwise as lenient as the ones of the server.

mod answer;
mod provisioned;
mod request;

pub use answer::{
    AnswerError, ReceivedFault, read_discover_response, read_policies_response, read_token_response, relates_to,
};
pub use provisioned::{Account, Provisioned, Store, read_provisioning};
pub use request::{Presented, message_id, sign, write_discover, write_get_policies, write_token_request};
