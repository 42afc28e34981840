import { defineConfig } from 'drizzle-kit'

/** `npm run migrations` writes what the `*.schema.ts` files say and the newest migration does not. */
export default defineConfig({ dialect: 'postgresql', schema: './src/**/*.schema.ts', out: './drizzle' })
