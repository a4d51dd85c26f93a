pub mod agent_binary;
pub mod chunk;
pub mod docker;
pub mod error;
pub mod instance;
