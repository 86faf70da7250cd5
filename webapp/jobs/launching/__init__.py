"""Launch jobs in processes of other systems (batch systems, containers), and keep track until they have begun."""
