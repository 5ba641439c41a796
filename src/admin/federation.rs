//! Operators who sign in at an OpenID Connect provider.
//!
//! The provider says who somebody is, and each time what they may. A name proves nothing: an account belongs to somebody
//! at the provider when it was made for them, or when they came by a link for it.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Admin, NotIn, Opened, entrance::new_secret, granting::operator_name, operators::cast_out};
use crate::config::PeopleOpenId;
use crate::enrollment::sign_in::{Begun, Callback, Chance, Denied, RelyingParty, Vouched};
use crate::model::{
    Actor, AuditRecord, Heard, NewOperator, NewSignIn, Operator, OperatorLink, Role, Secret, Timestamp, UserName,
};
use crate::store::Tx;

/// How long it is remembered that a sign-in was completed, in milliseconds: longer than it may take.
const REMEMBERED: i64 = 60 * 60_000;

/// The provider, and what its word counts here.
#[derive(Debug, Clone)]
pub(super) struct Federation {
    party: Arc<RelyingParty>,
    settings: Arc<PeopleOpenId>,
}

/// What is remembered while somebody is at the provider.
#[derive(Serialize, Deserialize)]
struct Onward {
    next: String,
    link: Option<String>,
}

/// Somebody, as far as the provider tells.
struct Person {
    subject: String,
    name: UserName,
    role: Option<Role>,
}

impl Federation {
    /// What the claims make of somebody; `None` who may not come in, and whose role is given here.
    fn role_of(&self, who: &Vouched) -> Option<Role> {
        role_of(&self.settings, who.claim(&self.settings.role_claim))
    }

    fn person(&self, who: &Vouched) -> Result<Person, NotIn> {
        let claim = &self.settings.name_claim;
        let name = who.name(claim).map_err(NotIn::Provider)?;
        let name = UserName::parse(&name).ok_or_else(|| NotIn::Provider(Denied::Nameless(claim.clone())))?;
        // An issuer is a URL: it holds no space.
        Ok(Person { subject: format!("{} {}", who.issuer, who.subject), name, role: self.role_of(who) })
    }
}

/// What a claim makes of somebody: of several roles the mightiest.
fn role_of(settings: &PeopleOpenId, claim: Option<&Value>) -> Option<Role> {
    let has = |wanted: &String| match claim {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(values)) => values.iter().any(|value| value.as_str() == Some(wanted)),
        _ => false,
    };
    let mapped = settings.roles().into_iter().find(|(_, values)| values.iter().any(has)).map(|(role, _)| role);
    mapped.or_else(|| Role::parse(&settings.otherwise))
}

impl Admin {
    /// The same, and operators may sign in at a provider.
    #[must_use]
    pub fn with_federation(self, party: Option<RelyingParty>, settings: &PeopleOpenId) -> Self {
        let settings = Arc::new(settings.clone());
        Self { federation: party.map(|party| Federation { party: Arc::new(party), settings }), ..self }
    }

    /// What stands on the button that leads to the provider.
    pub fn provider(&self) -> Option<&str> {
        self.federation.as_ref().map(|federation| federation.settings.button.as_str())
    }

    /// Whether passwords are taken.
    pub fn takes_passwords(&self) -> bool {
        self.federation.as_ref().is_none_or(|federation| federation.settings.passwords)
    }

    /// Whether the provider alone says what somebody may who is known there. What they may is then asked at each
    /// sign-in, which a password would go past.
    pub(super) fn provider_gives_roles(&self) -> bool {
        self.federation.as_ref().is_some_and(|federation| !federation.settings.role_claim.is_empty())
    }

    /// A browser goes to the provider, and afterwards on to `next`; by a link where somebody was invited.
    pub async fn begin_federated(
        &self,
        next: &str,
        link: Option<&Secret<String>>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Begun, NotIn> {
        let federation = self.federation.as_ref().ok_or(NotIn::Provider(Denied::NotOffered))?;
        if let Some(link) = link
            && self.link(link, now).await?.is_none()
        {
            return Err(NotIn::Link);
        }
        let onward = Onward { next: next.to_owned(), link: link.map(|link| link.expose().clone()) };
        let onward = serde_json::to_string(&onward).map_err(|_| NotIn::Provider(Denied::Sealing))?;
        federation.party.begin(onward, None, chance, now).await.map_err(NotIn::Provider)
    }

    /// A browser comes back from the provider. Gives who is signed in, and where they wanted to go.
    pub async fn finish_federated(
        &self,
        callback: &Callback,
        kept: Option<&str>,
        (from, trace): (IpAddr, Option<String>),
        now: Timestamp,
    ) -> Result<(Opened, String), NotIn> {
        let federation = self.federation.as_ref().ok_or(NotIn::Provider(Denied::NotOffered))?;
        let settings = federation.settings.clone();
        let wanted = [settings.name_claim.as_str(), settings.role_claim.as_str()];
        let wanted: Vec<&str> = wanted.into_iter().filter(|claim| !claim.is_empty()).collect();
        let who = federation.party.finish(callback, kept, &wanted, &[], now).await.map_err(NotIn::Provider)?;
        let onward: Onward = serde_json::from_str(&who.onward).map_err(|_| NotIn::Provider(Denied::Browser))?;
        let link = match onward.link.map(Secret::new) {
            Some(secret) => Some(self.link(&secret, now).await?.ok_or(NotIn::Link)?),
            None => None,
        };
        let person = federation.person(&who)?;
        let (_, handle_hash) = new_secret();
        let completed = NewSignIn {
            state_hash: who.state_hash,
            handle_hash,
            issuer: who.issuer,
            subject: who.subject,
            user_name: person.name.to_string(),
            expires_at: now.plus_millis(REMEMBERED),
            said: Heard::default(),
        };
        let by = Actor::operator(person.name.as_str()).asking(Some(from), trace);
        let admin = self.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            if tx.keep_sign_in(&completed, now)?.is_none() {
                return Err(NotIn::Provider(Denied::Repeated));
            }
            let let_in = match link {
                Some((link, whose)) => by_link(tx, &person, (&link, whose), &settings, &by, now)?,
                None => by_account(tx, &person, &settings, &by, now)?,
            };
            let operator = match let_in {
                Ok(operator) => operator,
                Err(why) => {
                    let told = json!({"by": "openid", "reason": why.to_string()});
                    let record = AuditRecord::new("operator.turned_away", "operator", person.name.as_str());
                    tx.audit(&by, record.after(told), now);
                    return Ok(Err(why));
                }
            };
            let (secret, seconds) = admin.open_session(tx, &operator, now)?;
            let record = AuditRecord::new("operator.sign_in", "operator", operator.name.as_str());
            tx.audit(&by, record.after(json!({"by": "openid"})), now);
            Ok::<_, NotIn>(Ok(Opened { operator, secret, seconds }))
        };
        // A refusal is an answer, so that what is recorded of it is kept.
        let opened = self.store.write(job).await??;
        Ok((opened, onward.next))
    }
}

type LetIn = Result<Operator, NotIn>;

/// Somebody signs in, perhaps for the first time.
fn by_account(
    tx: &mut Tx<'_>,
    person: &Person,
    settings: &PeopleOpenId,
    by: &Actor,
    now: Timestamp,
) -> Result<LetIn, NotIn> {
    let Some(known) = tx.operator_by_subject(&person.subject)? else {
        let Some(role) = person.role else { return Ok(Err(NotIn::NoRole)) };
        if settings.create {
            return made(tx, person, (person.name.clone(), role, "openid"), by, now);
        }
        return Ok(Err(NotIn::NoAccount));
    };
    if known.disabled_at.is_some() {
        return Ok(Err(NotIn::Disabled));
    }
    if settings.role_claim.is_empty() {
        return Ok(Ok(known));
    }
    match person.role {
        Some(role) if role == known.role => Ok(Ok(known)),
        Some(role) => {
            let record = AuditRecord::new("operator.role", "operator", known.name.as_str());
            let after = json!({"role": role, "by": "openid"});
            tx.audit(by, record.before(json!({"role": known.role})).after(after), now);
            tx.set_operator_role(&known, role)?;
            cast_out(tx, &known, now)?;
            let changed = tx.operator(&known.id)?.ok_or(NotIn::NoAccount)?;
            Ok(Ok(changed))
        }
        // Who lost every role may not go on with what they had.
        None => {
            cast_out(tx, &known, now)?;
            Ok(Err(NotIn::NoRole))
        }
    }
}

/// Somebody comes by a link: the account is theirs at the provider from now on.
fn by_link(
    tx: &mut Tx<'_>,
    person: &Person,
    (link, whose): (&OperatorLink, Option<UserName>),
    settings: &PeopleOpenId,
    by: &Actor,
    now: Timestamp,
) -> Result<LetIn, NotIn> {
    let role = if settings.role_claim.is_empty() { Some(link.role) } else { person.role };
    let Some(role) = role else { return Ok(Err(NotIn::NoRole)) };
    let known = tx.operator_by_subject(&person.subject)?;
    if known.is_some_and(|known| Some(&known.id) != link.operator.as_ref()) {
        return Ok(Err(NotIn::Choice("you have another account here; sign in with that".to_owned())));
    }
    if !tx.use_operator_link(&link.id, now)? {
        return Err(NotIn::Link);
    }
    let Some(id) = &link.operator else {
        let name = whose.unwrap_or_else(|| person.name.clone());
        return made(tx, person, (name, role, &link.created_by), by, now);
    };
    let operator = tx.operator(id)?.filter(|operator| operator.disabled_at.is_none()).ok_or(NotIn::Link)?;
    let record = AuditRecord::new("operator.federate", "operator", operator.name.as_str());
    let before = json!({"subject": operator.subject, "role": operator.role});
    tx.audit(by, record.before(before).after(json!({"subject": person.subject, "role": role})), now);
    tx.set_operator_subject(&operator, &person.subject)?;
    let operator = tx.operator(id)?.ok_or(NotIn::Link)?;
    if operator.role != role {
        tx.set_operator_role(&operator, role)?;
    }
    cast_out(tx, &operator, now)?;
    Ok(Ok(tx.operator(id)?.ok_or(NotIn::Link)?))
}

fn made(
    tx: &mut Tx<'_>,
    person: &Person,
    (name, role, created_by): (UserName, Role, &str),
    by: &Actor,
    now: Timestamp,
) -> Result<LetIn, NotIn> {
    if let Err(why) = operator_name(name.as_str()) {
        return Ok(Err(NotIn::Choice(why.to_owned())));
    }
    if tx.operator_by_name(&name)?.is_some() {
        return Ok(Err(NotIn::NameTaken(name.to_string())));
    }
    let subject = Some(person.subject.clone());
    let new = NewOperator { name, role, subject, password: None, created_by: created_by.to_owned() };
    let operator = tx.create_operator(&new, now)?;
    let told = json!({"role": role, "invited_by": created_by, "subject": person.subject});
    tx.audit(by, AuditRecord::new("operator.join", "operator", operator.name.as_str()).after(told), now);
    Ok(Ok(operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_roles_the_mightiest_counts_and_else_none() {
        let settings = PeopleOpenId {
            admins: vec!["root".into()],
            helpdesk: vec!["desk".into(), "desk2".into()],
            ..PeopleOpenId::default()
        };
        let role = |claim: Value| role_of(&settings, Some(&claim));
        assert_eq!(role(json!(["desk2", "root", 7])), Some(Role::Admin));
        assert_eq!(role(json!("desk")), Some(Role::Helpdesk));
        for none in [json!("Root"), json!(["rootx"]), json!({"root": true}), json!(true), json!([["root"]])] {
            assert_eq!(role(none), None);
        }
        assert_eq!(role_of(&settings, None), None);
        let open = PeopleOpenId { otherwise: "auditor".into(), ..settings.clone() };
        assert_eq!(role_of(&open, None), Some(Role::Auditor));
        assert_eq!(role_of(&open, Some(&json!(["root"]))), Some(Role::Admin));
    }
}
