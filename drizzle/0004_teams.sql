CREATE TABLE "teams_conversation" (
	"tenant" text NOT NULL,
	"kind" text NOT NULL,
	"id" text NOT NULL,
	"conversation" text,
	"user_id" text,
	"service_url" text NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "teams_conversation_tenant_kind_id_pk" PRIMARY KEY("tenant","kind","id")
);
--> statement-breakpoint
CREATE TABLE "teams_message" (
	"key" text PRIMARY KEY NOT NULL,
	"conversation" text,
	"message" text,
	"tries" integer NOT NULL,
	"tried_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "teams_conversation_by_conversation" ON "teams_conversation" USING btree ("conversation");