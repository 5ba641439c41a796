//! Faults: how a client hears that it does not enroll, and why (MS-MDE2 2.2.10).
//!
//! Windows looks for `ErrorType` in the detail first and for the subcode only without one, by these very names and in
//! this spelling; what it does not find becomes a number that tells nobody anything. Therefore every fault has both, in
//! the letters of SOAP 1.2 (the samples of MS-MDE2 are printed in lower case throughout, down to `mustunderstand`; that
//! is how they are printed, not how they travel). `TraceId` and the text go into the event log of the device.

use super::{Operation, Reply, envelope, names};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which one.
    pub kind: FaultKind,
    /// A sentence that an administrator understands. With [`FaultKind::CustomServerError`] Windows shows it to the user.
    pub text: String,
    /// An id by which the fault is found in our journal.
    pub trace_id: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $hresult:literal, $subcode:literal, $word:literal,
        $meaning:literal, $remedy:literal;)*) => {
        /// Every fault of MS-MDE2 2.2.10.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $name,)*
        }

        impl FaultKind {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `Subcode`, with the prefix that the specification gives it.
            pub const fn subcode(self) -> &'static str {
                match self { $(Self::$name => $subcode,)* }
            }

            /// `ErrorType` in the detail, which Windows asks first.
            pub const fn error_type(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The number that Windows shows and logs.
            pub const fn hresult(self) -> u32 {
                match self { $(Self::$name => $hresult,)* }
            }

            /// One stable word for journals and counters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it means, for an administrator.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What helps.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

kinds! {
    /// The request can't be understood.
    MessageFormat = 0x8018_0001, "s:MessageFormat", "message_format",
        "The server could not understand what the device sent.",
        "Look for a proxy that changes requests between the device and the server; the journal names the part that is wrong.";
    /// The user could not be authenticated.
    Authentication = 0x8018_0002, "s:Authentication", "authentication",
        "The user name, password or token is wrong, expired or used up.",
        "Check the name and type the password again, or issue a new enrollment token.";
    /// The user may not enroll.
    Authorization = 0x8018_0003, "s:Authorization", "authorization",
        "The user is known, but may not enroll this device.",
        "Enable the account for enrollment, or let the device in by its serial number or hardware hash.";
    /// The certificate request is not acceptable.
    CertificateRequest = 0x8018_0004, "s:CertificateRequest", "certificate_request",
        "The server refused the device's certificate request.",
        "Try again so that the device makes a new key; if it persists, the journal says what the request lacks.";
    /// Something failed in the server.
    EnrollmentServer = 0x8018_0005, "s:EnrollmentServer", "enrollment_server",
        "The server could not complete the enrollment.",
        "Try again; if it persists, look for the trace id in the server's journal and log.";
    /// Something unexpected failed in the server.
    InternalServiceFault = 0x8018_0006, "a:InternalServiceFault", "internal",
        "Something unexpected failed in the server.",
        "Try again; if it persists, look for the trace id in the server's journal and log.";
    /// The `Security` header can't be understood.
    InvalidSecurity = 0x8018_0007, "a:InvalidSecurity", "invalid_security",
        "The credential that the device sent can not be read, or is not of a kind that this server accepts.",
        "Check which ways to sign in are configured, and that nothing between device and server changes requests.";
    /// The user has as many devices as are allowed.
    DeviceCapReached = 0x8018_0013, "s:Authorization", "device_cap_reached",
        "The user has enrolled as many devices as are allowed.",
        "Remove a device that is no longer used, or raise the limit of devices per user.";
    /// This device, edition or version is not let in.
    DeviceNotSupported = 0x8018_0014, "s:Authorization", "device_not_supported",
        "The server does not take devices of this kind, edition or version of Windows.",
        "Update the device, or change which versions, editions and device types may enroll.";
    /// The account can't be used for this.
    NotSupported = 0x8018_0015, "s:Authorization", "not_supported",
        "The server does not support this way to enroll.",
        "Configure one of the ways to sign in that the device offers.";
    /// The certificate is not renewed.
    NotEligibleToRenew = 0x8018_0016, "s:Authorization", "not_eligible_to_renew",
        "The server does not renew the device's certificate.",
        "If the certificate has expired or the device was removed, enroll the device again.";
    /// The server does not enroll at this time.
    InMaintenance = 0x8018_0017, "s:EnrollmentServer", "in_maintenance",
        "The server does not enroll devices at this moment.",
        "Try again later.";
    /// The user has no license.
    UserLicense = 0x8018_0018, "s:Authorization", "user_license",
        "The user has no license for device management.",
        "Assign a license to the user.";
    /// The data of the terms of use are wrong.
    InvalidEnrollmentData = 0x8018_0019, "s:Authorization", "invalid_enrollment_data",
        "The device did not bring what the page with the terms of use gave it.",
        "Begin the enrollment again and accept the terms of use.";
    /// An error with a text of our own (Windows 10 20H2 and later show it).
    CustomServerError = 0x8018_0032, "s:EnrollmentServer", "custom",
        "The server refused with a reason of its own.",
        "The text says what to do.";
}

impl Fault {
    /// A fault with a sentence about it.
    pub fn new(kind: FaultKind, text: impl Into<String>, trace_id: impl Into<String>) -> Self {
        Self { kind, text: text.into(), trace_id: trace_id.into() }
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (0x{:08x})", self.error_type(), self.hresult())
    }
}

/// Writes a fault as the reply to an operation. HTTP status 500 is SOAP's own for it; Windows reads the body of any.
pub fn write_fault(operation: Operation, reply: Reply<'_>, fault: &Fault) -> String {
    envelope(
        operation,
        reply,
        |_| {},
        |xml| {
            xml.open("s:Fault");
            xml.open("s:Code");
            xml.leaf("s:Value", "s:Receiver");
            xml.open("s:Subcode");
            xml.leaf("s:Value", fault.kind.subcode());
            xml.close("s:Subcode");
            xml.close("s:Code");
            xml.open("s:Reason");
            xml.leaf_with("s:Text", &[("xml:lang", "en-US")], &fault.text);
            xml.close("s:Reason");
            xml.open("s:Detail");
            xml.open_with("DeviceEnrollmentServiceError", &[("xmlns", names::WSTEP)]);
            xml.leaf("ErrorType", fault.kind.error_type());
            xml.leaf("Message", &fault.text);
            xml.leaf("TraceId", &fault.trace_id);
            xml.close("DeviceEnrollmentServiceError");
            xml.close("s:Detail");
            xml.close("s:Fault");
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Windows makes of a text, in the order in which it looks (case counts, a part of the text is enough).
    fn as_windows_reads(text: &str) -> u32 {
        const ORDER: [(&str, u32); 15] = [
            ("NotEligibleToRenew", 0x8018_0016),
            ("MessageFormat", 0x8018_0001),
            ("Authentication", 0x8018_0002),
            ("Authorization", 0x8018_0003),
            ("CertificateRequest", 0x8018_0004),
            ("EnrollmentServer", 0x8018_0005),
            ("InternalServiceFault", 0x8018_0006),
            ("InvalidSecurity", 0x8018_0007),
            ("DeviceCapReached", 0x8018_0013),
            ("DeviceNotSupported", 0x8018_0014),
            ("NotSupported", 0x8018_0015),
            ("InMaintenance", 0x8018_0017),
            ("UserLicense", 0x8018_0018),
            ("InvalidEnrollmentData", 0x8018_0019),
            ("CustomServerError", 0x8018_0032),
        ];
        ORDER.iter().find(|(word, _)| text.contains(word)).map_or(0x8018_0008, |(_, number)| *number)
    }

    #[test]
    fn every_fault_gets_its_own_number_on_the_device() {
        assert_eq!(FaultKind::ALL.len(), 15);
        for kind in FaultKind::ALL {
            assert_eq!(as_windows_reads(kind.error_type()), kind.hresult(), "{kind}");
            // A client that reads only the subcode gets the number of its family.
            assert!((0x8018_0001..=0x8018_0007).contains(&as_windows_reads(kind.subcode())), "{kind}");
            // Windows also looks for this one in the text.
            assert!(!kind.meaning().contains("NotEligibleToRenew"), "{kind}");
        }
        assert!(FaultKind::ALL.is_sorted_by_key(|kind| kind.hresult()));
    }

    #[test]
    fn a_fault_is_written_where_windows_looks() {
        let fault = Fault::new(FaultKind::DeviceCapReached, "5 devices & no more", "0192-trace");
        let reply = Reply { relates_to: Some("urn:uuid:1"), activity: None };
        let text = write_fault(Operation::RequestSecurityToken, reply, &fault);
        assert!(text.contains("enrollment/RSTRC/wstep</a:Action>"), "{text}");
        assert!(
            text.contains(
                "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>s:Authorization</s:Value></s:Subcode>\
                 </s:Code><s:Reason><s:Text xml:lang=\"en-US\">5 devices &amp; no more</s:Text></s:Reason><s:Detail>\
                 <DeviceEnrollmentServiceError xmlns=\"http://schemas.microsoft.com/windows/pki/2009/01/enrollment\">\
                 <ErrorType>DeviceCapReached</ErrorType><Message>5 devices &amp; no more</Message>\
                 <TraceId>0192-trace</TraceId></DeviceEnrollmentServiceError></s:Detail></s:Fault>"
            ),
            "{text}"
        );
    }
}
