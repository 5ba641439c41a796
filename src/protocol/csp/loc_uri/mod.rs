//! `LocURI`: the address of a node in the management tree (MS-MDM 2.2.3.6, OMA DM TND 4.2).
//!
//! What is valid is narrower than what some device takes: an address that an author can mean in only one way, in
//! the form that every device reads. [`LocUriError`] names each rule and says what to write instead. What a device
//! sends is never held to these rules; [`LocUri::names_same_node`] compares with whatever it wrote.

mod error;
pub(super) mod node;
mod parse;

use serde::{Deserialize, Serialize};

pub use error::LocUriError;

/// The address of a node. One that exists is valid: not empty, not padded, relative, its segments well formed.
///
/// ```
/// use transom_protocol::csp::{LocUri, Scope};
///
/// let uri: LocUri = "./User/Vendor/MSFT/WiFi/Profile/Guest%20Net".parse()?;
/// assert_eq!(uri.scope(), Scope::User);
/// assert!("/Vendor/MSFT/WiFi".parse::<LocUri>().is_err());
/// # Ok::<(), transom_protocol::csp::LocUriError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocUri(String);

/// Whose part of the tree a node is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `./Device/…`, or no prefix.
    Device,
    /// `./User/…`: only while the enrolled user is signed in.
    User,
}

/// What a [`LocUri`] asks of its node besides the value (OMA DM TND 7.7). Only a Get can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Query {
    /// `?list=Struct`: the nodes below.
    Struct,
    /// `?list=StructData`: the nodes below with their values.
    StructData,
    /// `?prop=…`: a property of the node.
    Property(Property),
}

/// A property of a node (OMA DM TND 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Property {
    /// Who may do what; Windows does not support it (MS-MDM 3.1.7.1).
    Acl,
    /// Format of the value.
    Format,
    /// Name of the node.
    Name,
    /// Bytes of the value.
    Size,
    /// Name for people.
    Title,
    /// Time of the last change.
    TStamp,
    /// MIME type; on the root of a CSP its version.
    Type,
    /// Number of changes.
    VerNo,
}

/// Nodes whose Exec ends the session, the enrollment or the device's life: reboot, reset, unenrollment. `*` is any
/// one segment.
const ENDS_SESSION: &[&str] = &[
    "Vendor/MSFT/Reboot/RebootNow",
    "Vendor/MSFT/RemoteWipe/*",
    "Vendor/MSFT/RemoteWipe/AutomaticRedeployment/doAutomaticRedeployment",
    "Vendor/MSFT/CleanPC/*",
    "Vendor/MSFT/DMClient/Unenroll",
    "Vendor/MSFT/DMClient/Provider/*/Unenroll",
    // Reboots by itself; ChangeProductKey does not.
    "Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey",
];

/// Nodes whose Exec starts a job that ends with an alert of its own (1224 or 1226). Jobs whose state one has to read
/// from a status node (SCEP, language packs, key rotation, attestation) are not here: nothing would ever end them.
const WORKS_ASYNCHRONOUSLY: &[&str] = &[
    "Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/*/DownloadInstall",
    "Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/*/HostedInstall",
    "Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/*/StoreInstall",
];

impl LocUri {
    /// Longest address, in bytes.
    pub const MAX_LEN: usize = 2048;

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URI without its query.
    pub fn path(&self) -> &str {
        node::path(&self.0)
    }

    /// What it asks for besides the value.
    pub fn query(&self) -> Option<Query> {
        self.0.split_once('?').and_then(|(_, query)| parse::query(query))
    }

    /// Whose part of the tree the node is in.
    pub fn scope(&self) -> Scope {
        match node::segments(&self.0).next() {
            Some(first) if first.eq_ignore_ascii_case(b"User") => Scope::User,
            _ => Scope::Device,
        }
    }

    /// Whether an Exec of this node ends the session or the enrollment (reboot, wipe, unenroll): it is sent last and
    /// alone.
    pub fn ends_session(&self) -> bool {
        ENDS_SESSION.iter().any(|pattern| node::matches(&self.0, pattern))
    }

    /// Whether an Exec of this node only starts work that reports later with an alert: 200 is "accepted", not "done".
    pub fn works_asynchronously(&self) -> bool {
        WORKS_ASYNCHRONOUSLY.iter().any(|pattern| node::matches(&self.0, pattern))
    }

    /// Whether `other` (as a device wrote it in `TargetRef` or `Source`) names the same node: percent escapes and the
    /// case of ASCII letters make no difference, nor does a `?list=` or `?prop=` query; `./Vendor` is
    /// `./Device/Vendor`.
    pub fn names_same_node(&self, other: &str) -> bool {
        let mut theirs = node::segments(other);
        let same =
            node::segments(&self.0).all(|ours| theirs.next().is_some_and(|theirs| node::is_same(&ours, &theirs)));
        same && theirs.next().is_none()
    }

    /// Whether `other` lies below this node.
    pub fn is_ancestor_of(&self, other: &str) -> bool {
        let mut theirs = node::segments(other);
        let same =
            node::segments(&self.0).all(|ours| theirs.next().is_some_and(|theirs| node::is_same(&ours, &theirs)));
        same && theirs.next().is_some()
    }

    /// A text that is equal for two addresses exactly when they name the same node.
    pub fn node_key(&self) -> String {
        node::key(&self.0)
    }

    /// As [`Self::node_key`] for an address that a device wrote. It may be equal for nodes that differ, when a name
    /// holds what no valid one does; [`Self::names_same_node`] tells.
    pub(crate) fn foreign_key(uri: &str) -> String {
        node::key(uri)
    }
}

impl Query {
    /// The query as it is written, without the `?`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Struct => "list=Struct",
            Self::StructData => "list=StructData",
            Self::Property(Property::Acl) => "prop=ACL",
            Self::Property(Property::Format) => "prop=Format",
            Self::Property(Property::Name) => "prop=Name",
            Self::Property(Property::Size) => "prop=Size",
            Self::Property(Property::Title) => "prop=Title",
            Self::Property(Property::TStamp) => "prop=TStamp",
            Self::Property(Property::Type) => "prop=Type",
            Self::Property(Property::VerNo) => "prop=VerNo",
        }
    }

    /// Every query there is.
    pub const ALL: [Self; 10] = [
        Self::Struct,
        Self::StructData,
        Self::Property(Property::Acl),
        Self::Property(Property::Format),
        Self::Property(Property::Name),
        Self::Property(Property::Size),
        Self::Property(Property::Title),
        Self::Property(Property::TStamp),
        Self::Property(Property::Type),
        Self::Property(Property::VerNo),
    ];
}

impl TryFrom<String> for LocUri {
    type Error = LocUriError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse::check(&text)?;
        Ok(Self(text))
    }
}

impl std::str::FromStr for LocUri {
    type Err = LocUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<LocUri> for String {
    fn from(uri: LocUri) -> Self {
        uri.0
    }
}

impl std::fmt::Display for LocUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> LocUri {
        text.parse().unwrap()
    }

    #[test]
    fn only_user_is_user_scope() {
        for text in ["./User/Vendor/MSFT/X", "./user/Vendor/MSFT/X", "./USER", "./User?list=Struct"] {
            assert_eq!(uri(text).scope(), Scope::User, "{text}");
        }
        for text in [".", "./Device/Vendor/MSFT/User", "./Vendor/MSFT/X", "./DevDetail/SwV", "./Users/a", "./cimv2/A"] {
            assert_eq!(uri(text).scope(), Scope::Device, "{text}");
        }
    }

    #[test]
    fn reboot_wipe_and_unenroll_end_the_session() {
        for text in [
            "./Device/Vendor/MSFT/Reboot/RebootNow",
            "./Vendor/MSFT/reboot/rebootnow",
            "./Device/Vendor/MSFT/RemoteWipe/doWipe",
            "./Device/Vendor/MSFT/RemoteWipe/doWipePersistUserData",
            "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/doAutomaticRedeployment",
            "./Vendor/MSFT/DMClient/Unenroll",
            "./Device/Vendor/MSFT/DMClient/Provider/Contoso/Unenroll",
            "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/Unenroll",
            "./Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey",
        ] {
            assert!(uri(text).ends_session(), "{text}");
        }
        for text in [
            "./Device/Vendor/MSFT/Reboot/Schedule/Single",
            "./Device/Vendor/MSFT/RemoteWipe",
            "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/Status",
            "./Device/Vendor/MSFT/DMClient/Provider/Contoso/LinkedEnrollment/Unenroll",
            "./Vendor/MSFT/WindowsLicensing/ChangeProductKey",
            "./Vendor/MSFT/Defender/Scan",
        ] {
            assert!(!uri(text).ends_session(), "{text}");
        }
    }

    #[test]
    fn installs_report_later() {
        for text in [
            "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAB%7D/DownloadInstall",
            "./User/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/{AB}/DownloadInstall",
            "./User/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/Contoso.App_8wek/HostedInstall",
            "./Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/Contoso.App_8wek/StoreInstall",
        ] {
            assert!(uri(text).works_asynchronously(), "{text}");
        }
        for text in [
            "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAB%7D/Status",
            "./Device/Vendor/MSFT/BitLocker/RotateRecoveryPasswords",
            "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/A/Install/Enroll",
        ] {
            assert!(!uri(text).works_asynchronously(), "{text}");
        }
    }

    #[test]
    fn the_same_node_in_other_spellings() {
        let guid = uri("./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630%7D/DownloadInstall");
        for other in [
            "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/{1803A630}/DownloadInstall",
            "./Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7b1803a630%7d/DownloadInstall",
            "./device/vendor/msft/enterprisedesktopappmanagement/msi/{1803a630}/downloadinstall/",
        ] {
            assert!(guid.names_same_node(other), "{other}");
        }
        assert!(uri("./DevDetail?list=StructData").names_same_node("./DevDetail"));
        assert!(uri("./DevDetail").names_same_node("./DevDetail?prop=Type"));
        assert!(uri("./A/x%2Fy").names_same_node("./A/x%2fy"));
    }

    #[test]
    fn other_nodes_are_not_the_same() {
        let node = uri("./Device/Vendor/MSFT/A/B");
        for other in ["", ".", "./Vendor/MSFT/A", "./Vendor/MSFT/A/B/C", "./User/Vendor/MSFT/A/B", "./Vendor/MSFT/A/C"]
        {
            assert!(!node.names_same_node(other), "{other}");
        }
        assert!(!uri("./A/x%2Fy").names_same_node("./A/x/y"));
        assert!(!uri("./A/%C3%A4").names_same_node("./A/%C3%84"));
        assert!(!uri("./Device").names_same_node("."));
    }

    #[test]
    fn what_lies_below_is_below_by_whole_segments() {
        let node = uri("./Device/Vendor/MSFT/A?list=StructData");
        assert!(node.is_ancestor_of("./Vendor/MSFT/A/B"));
        assert!(node.is_ancestor_of("./device/vendor/msft/a/b/c"));
        assert!(!node.is_ancestor_of("./Vendor/MSFT/A"));
        assert!(!node.is_ancestor_of("./Vendor/MSFT/AB/C"));
        assert!(!node.is_ancestor_of("./User/Vendor/MSFT/A/B"));
        assert!(uri(".").is_ancestor_of("./DevInfo"));
        assert!(!uri(".").is_ancestor_of("."));
    }

    #[test]
    fn keys_are_equal_for_the_same_node_only() {
        assert_eq!(uri("./Device/Vendor/A/%7Bx%7D").node_key(), uri("./vendor/a/{X}").node_key());
        assert_ne!(uri("./A/x%2Fy").node_key(), uri("./A/x/y").node_key());
        assert_ne!(uri("./a%2F/b").node_key(), uri("./a/%2Fb").node_key());
        assert_ne!(uri("./User/A").node_key(), uri("./A").node_key());
    }

    #[test]
    fn each_query_is_read_as_itself() {
        for query in Query::ALL {
            let uri = uri(&format!("./Vendor/MSFT/X?{}", query.as_str()));
            assert_eq!((uri.query(), uri.path()), (Some(query), "./Vendor/MSFT/X"));
        }
        assert_eq!(uri("./X?LIST=structdata").query(), Some(Query::StructData));
        assert_eq!((uri("./X").query(), uri("./X").path()), (None, "./X"));
    }

    #[test]
    fn json_refuses_what_is_no_address() {
        assert_eq!(serde_json::from_str::<LocUri>("\"./X\"").unwrap(), uri("./X"));
        assert_eq!(serde_json::to_string(&uri("./X")).unwrap(), "\"./X\"");
        let error = serde_json::from_str::<LocUri>("\"/Vendor/X\"").unwrap_err();
        assert!(error.to_string().contains("write ./Vendor/X"), "{error}");
    }
}
