import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import { IsId } from '../http/ids.js';
import { DEFAULT_PAGE, MayBeAbsent, PageSize } from '../http/fields.js';
import type { ReadPost } from './post.js';

export class NewPostDto {
  @ApiProperty({ minLength: 1, maxLength: 500, example: 'Hello!' })
  @Length(1, 500, { message: 'has 1–500 characters' })
  @Matches(/\S/, { message: 'is blank' })
  @IsString({ message: 'is a text' })
  text!: string;
}

export class PostsQuery {
  @PageSize()
  limit: number = DEFAULT_PAGE;

  @ApiPropertyOptional({ description: "The id of the last page's last post" })
  @MayBeAbsent()
  @IsId('post')
  before?: string;
}

class AuthorDto {
  @ApiProperty()
  id!: string;

  @ApiProperty({ example: 'alice' })
  username!: string;
}

export class PostDto {
  @ApiProperty({ example: '17' })
  id!: string;

  @ApiProperty({ type: AuthorDto })
  author!: AuthorDto;

  @ApiProperty()
  text!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty()
  likes!: number;

  @ApiProperty({ description: 'Whether I like it' })
  liked!: boolean;
}

export class PostReply {
  @ApiProperty({ type: PostDto })
  post!: PostDto;
}

export class PostsReply {
  @ApiProperty({ type: [PostDto] })
  posts!: PostDto[];
}

export function toPostDto(post: ReadPost): PostDto {
  return {
    id: post.id,
    author: { id: post.authorId, username: post.authorName },
    text: post.text,
    createdAt: new Date(post.createdAt).toISOString(),
    likes: post.likes,
    liked: post.likedByReader,
  };
}
