-- The local chat keeps its messages; it never deletes one.
grant select, insert, update on local_chat_messages to countersign_app;
