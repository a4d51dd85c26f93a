pub mod agent_binary;
