CREATE TABLE "passkey_link" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"inputs" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint
);
--> statement-breakpoint
CREATE TABLE "passkey_state" (
	"credential" text PRIMARY KEY NOT NULL,
	"identity" text NOT NULL,
	"status" text NOT NULL,
	"enrolled_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "passkey_link_by_expiry" ON "passkey_link" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "passkey_state_what_a_person_has" ON "passkey_state" USING btree ("identity");