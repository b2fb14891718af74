import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, RateLimit, type UserState } from '@latchkey/session';
import { Timeline } from '../live/timeline.js';
import { existing } from '../http/ids.js';
import { Problem } from '../problem/problem.js';
import { UsersService } from '../users/users.service.js';
import { NewPostDto, PostReply, PostsQuery, PostsReply, toPostDto } from './post.dto.js';
import { PostRepository } from './post-repository.js';

@ApiTags('posts')
@Controller('posts')
export class PostsController {
  constructor(
    private readonly posts: PostRepository,
    private readonly users: UsersService,
    private readonly timeline: Timeline,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The timeline, newest first' })
  @ApiOkResponse({ type: PostsReply })
  async list(@Query() page: PostsQuery, @CurrentUser() user: UserState): Promise<PostsReply> {
    const posts = await this.posts.list({ ...page, readerId: user.id });
    return { posts: posts.map(toPostDto) };
  }

  @RateLimit('posts')
  @Post()
  @ApiOperation({ summary: 'Write a post' })
  @ApiCreatedResponse({ type: PostReply })
  async create(@Body() { text }: NewPostDto, @CurrentUser() user: UserState): Promise<PostReply> {
    const author = await this.users.require(user.id);
    const post = await this.posts.create({
      authorId: author.id,
      authorName: author.username,
      text,
      createdAt: Date.now(),
    });
    const reply = { post: toPostDto(post) };
    await this.timeline.publish({ name: 'post', data: reply.post });
    return reply;
  }

  @Post(':id/like')
  @HttpCode(200)
  @ApiOperation({ summary: 'Like a post; liking twice is liking once' })
  @ApiOkResponse({ type: PostReply })
  async like(@Param('id', existing('post')) id: string, @CurrentUser() user: UserState): Promise<PostReply> {
    const post = await this.posts.like(id, user.id);
    if (!post) throw new Problem('not_found', 'There is no such post');
    return { post: toPostDto(post) };
  }
}
