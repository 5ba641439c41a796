//! Discovery (MS-MDE2 3.1.4.1): who asks, and where the services are.

use super::{AuthPolicy, HttpsUrl, SignIn, Version};
use crate::soap::{Asked, Element, Operation, Refused, Reply, Why, envelope, names, read};
use crate::xml::Limits;

/// What a device says when it looks for its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discover {
    /// `EmailAddress`: an address, `DOMAIN\user`, or nothing when no person is there.
    pub email: Option<String>,
    /// `RequestVersion`, at least [`Version::LOWEST`].
    pub request_version: Version,
    /// `DeviceType`: `CIMClient_Windows`.
    pub device_type: Option<String>,
    /// `ApplicationVersion`: the build of Windows.
    pub application_version: Option<String>,
    /// `OSEdition`, a number of `GetProductInfo`.
    pub os_edition: Option<u32>,
    /// `OSVersion`, with some ways to sign in.
    pub os_version: Option<String>,
    /// The ways to sign in that we know of those that the device offers, in no meaningful order.
    pub offered: Vec<AuthPolicy>,
}

/// Where the services are, and how to sign in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverResponse {
    /// One of the ways that the device offered.
    pub sign_in: SignIn,
    /// `EnrollmentVersion`: [`Version::answer`] to what the device asked.
    pub version: Version,
    /// `EnrollmentPolicyServiceUrl`. It has to have the host of the next.
    pub policies: HttpsUrl,
    /// `EnrollmentServiceUrl`.
    pub enrollment: HttpsUrl,
}

/// Reads `Discover` (MS-MDE2 3.1.4.1.1.1). A version below 3.0 is refused, none is too high.
pub fn read_discover(body: &[u8], limits: &Limits) -> Result<Asked<Discover>, Refused> {
    read(body, limits, "Discover", |discover| {
        let request = discover.required("request")?;
        Ok(Discover {
            email: text(request, "EmailAddress")?,
            request_version: version(request)?,
            device_type: text(request, "DeviceType")?,
            application_version: text(request, "ApplicationVersion")?,
            os_edition: request.word("OSEdition")?.and_then(|edition| edition.parse().ok()),
            os_version: text(request, "OSVersion")?,
            offered: offered(request)?,
        })
    })
}

fn version(request: &Element<'_>) -> Result<Version, Why> {
    const PLACE: &str = "RequestVersion";
    let word = request.word(PLACE)?.ok_or(Why::Missing(PLACE))?;
    let version = Version::parse(word).ok_or(Why::Value { place: PLACE, what: "not a version" })?;
    if version < Version::LOWEST { Err(Why::Version(version.to_string())) } else { Ok(version) }
}

fn offered(request: &Element<'_>) -> Result<Vec<AuthPolicy>, Why> {
    let mut offered = Vec::new();
    if let Some(policies) = request.child("AuthPolicies")? {
        for policy in policies.children.iter().filter(|child| child.name == "AuthPolicy") {
            if let Some(policy) = AuthPolicy::parse(policy.token("AuthPolicy")?)
                && !offered.contains(&policy)
            {
                offered.push(policy);
            }
        }
    }
    Ok(offered)
}

fn text(request: &Element<'_>, name: &'static str) -> Result<Option<String>, Why> {
    Ok(request.word(name)?.map(str::to_owned))
}

/// Writes `DiscoverResponse` (MS-MDE2 3.1.4.1.1.2).
pub fn write_discover_response(reply: Reply<'_>, answer: &DiscoverResponse) -> String {
    envelope(
        Operation::Discover,
        reply,
        |_| {},
        |xml| {
            xml.open_with("DiscoverResponse", &[("xmlns", names::DISCOVERY)]);
            xml.open("DiscoverResult");
            xml.leaf("AuthPolicy", answer.sign_in.policy().as_str());
            xml.leaf("EnrollmentVersion", &answer.version.to_string());
            xml.leaf("EnrollmentPolicyServiceUrl", answer.policies.as_str());
            xml.leaf("EnrollmentServiceUrl", answer.enrollment.as_str());
            if let SignIn::Federated { authentication } = &answer.sign_in {
                xml.leaf("AuthenticationServiceUrl", authentication.as_str());
            }
            xml.close("DiscoverResult");
            xml.close("DiscoverResponse");
        },
    )
}
