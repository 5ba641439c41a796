//! What the client asks about who may enroll.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    Declaration, Declared, DeclaredDeviceJson, EnrollmentAttemptJson, EnrollmentAttemptQuery, EnrollmentTokenDetail,
    EnrollmentTokenJson, EnrollmentTokenQuery, EnrollmentUserJson, EnrollmentUserWithPassword, MadeEnrollmentToken,
    NewDeclared, NewEnrollmentTokenJson, NewEnrollmentUserJson, NewPassword, PageJson, Part,
};

const USERS: &str = "enrollment-users";
const TOKENS: &str = "enrollment-tokens";
const DECLARED: &str = "declared-devices";

impl Client {
    /// Makes an account. With the same key it is done once, however often it is sent.
    pub async fn create_enrollment_user(
        &self,
        new: &NewEnrollmentUserJson,
        key: &str,
    ) -> Result<EnrollmentUserWithPassword, ClientError> {
        self.once(&[USERS], new, key).await
    }

    /// Accounts by name.
    pub async fn enrollment_users(&self, part: &Part) -> Result<PageJson<EnrollmentUserJson>, ClientError> {
        self.get(&[USERS], part).await
    }

    /// Gives an account another password.
    pub async fn set_enrollment_password(
        &self,
        name: &str,
        password: &NewPassword,
    ) -> Result<EnrollmentUserWithPassword, ClientError> {
        self.post(&[USERS, name.trim(), "password"], Some(json!(password))).await
    }

    /// Lets an account enroll nothing more.
    pub async fn disable_enrollment_user(&self, name: &str) -> Result<EnrollmentUserJson, ClientError> {
        self.post(&[USERS, name.trim(), "disable"], None).await
    }

    /// Lets an account enroll again.
    pub async fn enable_enrollment_user(&self, name: &str) -> Result<EnrollmentUserJson, ClientError> {
        self.post(&[USERS, name.trim(), "enable"], None).await
    }

    /// Deletes an account.
    pub async fn remove_enrollment_user(&self, name: &str) -> Result<EnrollmentUserJson, ClientError> {
        self.delete(&[USERS, name.trim()]).await
    }

    /// Makes a token. With the same key it is done once, however often it is sent.
    pub async fn create_enrollment_token(
        &self,
        new: &NewEnrollmentTokenJson,
        key: &str,
    ) -> Result<MadeEnrollmentToken, ClientError> {
        self.once(&[TOKENS], new, key).await
    }

    /// Tokens, newest first.
    pub async fn enrollment_tokens(
        &self,
        query: &EnrollmentTokenQuery,
    ) -> Result<PageJson<EnrollmentTokenJson>, ClientError> {
        self.get(&[TOKENS], query).await
    }

    /// One token with what it has enrolled.
    pub async fn enrollment_token(&self, id: &str) -> Result<EnrollmentTokenDetail, ClientError> {
        self.get(&[TOKENS, id], &()).await
    }

    /// Takes a token back.
    pub async fn revoke_enrollment_token(&self, id: &str) -> Result<EnrollmentTokenJson, ClientError> {
        self.post(&[TOKENS, id, "revoke"], None).await
    }

    /// Attempts to enroll, newest first.
    pub async fn enrollment_attempts(
        &self,
        query: &EnrollmentAttemptQuery,
    ) -> Result<PageJson<EnrollmentAttemptJson>, ClientError> {
        self.get(&["enrollment-attempts"], query).await
    }

    /// Declares devices.
    pub async fn declare(&self, declaration: &Declaration) -> Result<Declared, ClientError> {
        self.post(&[DECLARED], Some(json!(declaration))).await
    }

    /// Declared devices by kind and value.
    pub async fn declared_devices(&self, part: &Part) -> Result<PageJson<DeclaredDeviceJson>, ClientError> {
        self.get(&[DECLARED], part).await
    }

    /// Takes a declaration back.
    pub async fn remove_declared(&self, kind: &str, value: &str) -> Result<NewDeclared, ClientError> {
        self.delete(&[DECLARED, kind, value]).await
    }
}
